//! The document of the service, against what it answers; and the page on which people try it, in a browser.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use aigc_auth::testing::Fault;
use serde_json::{Value, json};
use test_support::browser::Page;
use test_support::http::{self, Answer, center};
use test_support::openapi::{Document, validate};
use test_support::process::{Example, Program, settings};

const FULL_SERVICE: Program = Program(env!("CARGO_BIN_EXE_full_service"));

async fn document(app: &Example) -> Document {
    // Without a credential.
    Document(http::get(app.address, "/openapi.json", &[]).await.json())
}

async fn ask(app: &Example, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    http::request(app.address, method, path, headers).await
}

/// Every caller asks for every operation: whoever is refused is refused as documented, and what is documented as open is.
#[tokio::test]
async fn every_refusal_is_in_the_document() {
    let app = FULL_SERVICE.start("openapi", &[]).await;
    let document = document(&app).await;
    let callers =
        [None, Some("unknown"), Some("alice-token"), Some("bob-token"), Some("root-token"), Some("ak_alice")];
    let (mut answers, mut seen) = (vec![], std::collections::BTreeMap::<u16, usize>::new());
    for (method, path, operation) in document.operations() {
        for caller in callers {
            let authorization = caller.map(|caller| format!("Bearer {caller}"));
            let credential = authorization.iter().map(|value| ("authorization", &**value));
            for more in
                [&[][..], &[("x-act-as-user-id", "999999")], &[("x-org-id", "")], &[("x-org-id", "umbrella")]]
            {
                let headers: Vec<_> = credential.clone().chain(more.iter().copied()).collect();
                let answer = ask(&app, &method, &path, &headers).await;
                let security = operation["security"].as_array();
                let is_open = security.is_none_or(|security| security.contains(&json!({})));
                if caller.is_none() {
                    assert_eq!(answer.status == 401, !is_open, "{method} {path}");
                }
                *seen.entry(answer.status).or_default() += 1;
                if answer.status >= 400 {
                    let body = serde_json::from_str(&answer.body).unwrap_or_default();
                    answers.push(document.expects(operation, answer.status, &answer.headers, &body));
                }
            }
        }
    }
    validate(&[json!({ "document": document.0, "answers": answers })]);
    for (status, least) in [(200, 100), (400, 8), (401, 100), (403, 30), (404, 3)] {
        assert!(seen.get(&status).is_some_and(|&count| count >= least), "{status}: {seen:?}");
    }
    let paths: Vec<_> =
        document.operations().into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(paths.len(), 17, "{paths:?}");
}

#[tokio::test]
async fn every_answer_in_an_outage_is_in_the_document() {
    let center = center().await;
    let settings = settings(&center);
    let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    let app = FULL_SERVICE.start("openapi-outage", &variables).await;
    let document = document(&app).await;
    center.inject_fault(Fault::Refuse);
    let mut outages = 0;
    for (method, path, operation) in document.operations() {
        let answer = ask(&app, &method, &path, &[("authorization", "Bearer unknown")]).await;
        let is_open = operation["security"].as_array().is_none_or(|security| security.contains(&json!({})));
        assert_eq!(answer.status == 503, !is_open, "{method} {path}: {}", answer.status);
        if answer.status == 503 {
            document.expects(operation, 503, &answer.headers, &answer.json());
            outages += 1;
        }
    }
    assert!(outages >= 12, "{outages}");
}

#[tokio::test]
async fn permissions_are_those_of_the_handlers() {
    let app = FULL_SERVICE.start("openapi-permissions", &[]).await;
    let document = document(&app).await;
    for (method, path, security) in [
        ("get", "/me", json!([{ "bearer": [] }])),
        ("get", "/reports", json!([{ "bearer": ["report:read"] }])),
        ("get", "/editor", json!([{ "bearer": ["article:write"] }, { "bearer": ["article:edit"] }])),
        ("get", "/admin", json!([{ "bearer": ["the admin flag"] }])),
        ("post", "/org/name", json!([{ "bearer": ["in the organisation: RENAME_ORG"] }])),
        ("post", "/credits", json!([{ "bearer": ["credits:top_up"] }])),
        ("get", "/maybe", json!([{}, { "bearer": [] }])),
        ("get", "/health", Value::Null),
        ("get", "/public/org-actions", Value::Null),
    ] {
        assert_eq!(document.0["paths"][path][method]["security"], security, "{path}");
    }
}

/// The page as people use it: they authorize, and try an operation.
#[tokio::test]
async fn page_authorizes_in_a_browser() {
    let Some(mut page) = Page::open().await else { return };
    let app = FULL_SERVICE.start("openapi-page", &[]).await;
    page.go(&format!("http://{}/docs/", app.address)).await;
    page.run(
        r#"
        window.until = async (what, so) => {
            for (let tries = 0; tries < 1000; tries++) {
                const found = so();
                if (found) return found;
                await new Promise((resolve) => setTimeout(resolve, 20));
            }
            throw new Error("not on the page: " + what);
        };
        window.find = (selector) => until(selector, () => {
            const found = document.querySelector(selector);
            return found && !found.disabled && found;
        });
        window.click = async (selector) => (await find(selector)).click();
        window.authorize = async (token) => {
            await click(".auth-wrapper > .btn.authorize");
            if (document.querySelector(".auth-btn-wrapper .btn:not(.authorize):not(.btn-done)")) {
                await click(".auth-btn-wrapper .btn:not(.authorize):not(.btn-done)");
            }
            const input = await find(".auth-container input");
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, token);
            input.dispatchEvent(new Event("input", { bubbles: true }));
            await click(".auth-btn-wrapper .btn.authorize");
            await click(".auth-btn-wrapper .btn-done");
        };
        // Executes an operation, and returns the status and the body that the page shows.
        window.execute = async (operation) => {
            const block = `[id$="-${operation}"]`;
            await find(block);
            if (!document.querySelector(block + " .execute")) await click(block + " .opblock-summary-control");
            if (document.querySelector(block + " .btn-clear")) await click(block + " .btn-clear");
            // Until then, the page executes an operation that it does not find, and stays so.
            await until("resolved " + operation, () =>
                ui.specSelectors.specResolvedSubtree(["paths", "/" + operation, "get"])?.get("operationId"));
            await click(block + " .execute");
            const shown = block + " .live-responses-table .response";
            const status = (await find(shown + " .response-col_status")).innerText.trim().slice(0, 3);
            return status + " " + (await find(shown + " .highlight-code pre")).innerText.trim();
        };
        "#,
    )
    .await;
    // What it says of who may call.
    let text = page.run(r#"await click('[id$="-reports"] .opblock-summary-control'); return (await find('[id$="-reports"] .opblock-description')).innerText"#).await;
    assert!(text.as_str().unwrap().contains("report:read: Read reports."), "{text}");
    for (authorize, operation, expected) in [
        ("", "reports", "401 "),
        ("await authorize('alice-token');", "reports", "200 reports for alice"),
        ("", "me", "200 {"),
        ("await authorize('bob-token');", "reports", "403 {"),
        ("", "me", "200 {"),
    ] {
        let seen = page.run(&format!("{authorize} return execute('{operation}')")).await;
        assert!(seen.as_str().unwrap().starts_with(expected), "{operation}: expected {expected}, saw {seen}");
    }
    // All of it is in the binary.
    let elsewhere = page.run(
        "return performance.getEntriesByType('resource').map((one) => one.name).filter((name) => !name.startsWith(location.origin))",
    );
    let elsewhere: Vec<_> = elsewhere.await.as_array().unwrap().clone();
    assert!(elsewhere.iter().all(|url| url.as_str().unwrap().starts_with("data:")), "{elsewhere:?}");
}
