//! Who gets in, and what the page lets in.

use serde_json::json;

use super::open_page::{open, reopen};
use crate::support::{Center, SEED, directory};

#[tokio::test]
async fn token_leaves_the_url_and_another_one_does_not_open() {
    let center = Center::start("").await;
    let Some(mut page) = open(&center).await else { return };
    let shown = page
        .run(
            "return [location.href, document.cookie, await section('users'), (await row('alice')).innerText]",
        )
        .await;
    assert!(!shown[0].as_str().unwrap().contains("token"), "{shown}");
    assert_eq!(shown[1], "", "cookies are sent to every port of this host");
    assert!(shown[3].as_str().unwrap().contains("report:read"), "{shown}");
    // The tab keeps it; another tab has none.
    reopen(&mut page, &center).await;
    page.run("await section('users'); await row('alice');").await;
    page.run("sessionStorage.clear();").await;
    page.go(&format!("{}/", center.console_origin())).await;
    page.run("await find('.sign-in'); document.querySelector('.sign-in input').value = 'x'.repeat(32); document.querySelector('.sign-in button').click(); await says('not the token');").await;
    let names = page.run("return document.body.innerText.includes('alice')").await;
    assert_eq!(names, false);
    let token = center.token();
    page.run(&format!("document.querySelector('.sign-in input').value = '{token}'; document.querySelector('.sign-in button').click(); await section('users'); await row('alice');")).await;
}

#[tokio::test]
async fn names_are_texts() {
    let hostile = r#"<img src=x onerror=window.broken=1>"#;
    let seed = format!(
        "{SEED}\n[[users]]\nusername = '{hostile}'\nnickname = '{hostile}'\npermissions = ['{hostile}']\n\
         [[groups]]\ncode = '{hostile}'\nname = '{hostile}'\n[[tokens]]\ntoken = '{hostile}'\nuser = '{hostile}'\n"
    );
    let center = Center::start_in("--seed seed.toml", directory("seed.toml", &seed)).await;
    let Some(mut page) = open(&center).await else { return };
    let _ = center.client().user_info(hostile).await;
    for section in ["users", "credentials", "calls", "services", "usage", "overview"] {
        page.run(&format!("await section('{section}');")).await;
    }
    let seen = page
        .run("await section('users'); const there = await row('<img src=x'); there.querySelector('[data-action=edit]').click(); await find('dialog[open]'); return [document.querySelectorAll('img').length, window.broken ?? null, document.querySelector('dialog').innerText.includes('<img src=x')]")
        .await;
    assert_eq!(seen, json!([1, null, true]), "the brand's image alone");
}

#[tokio::test]
async fn page_loads_and_runs_nothing_but_its_own() {
    let center = Center::start("").await;
    let response =
        center.api_request("GET", "/").header("accept-language", "zh-CN,en;q=0.5").send().await.unwrap();
    let headers = response.headers().clone();
    let policy = headers["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(headers["x-content-type-options"] == "nosniff" && headers["referrer-policy"] == "no-referrer");
    let html = response.text().await.unwrap();
    assert!(
        html.contains("<html lang=\"zh-CN\">") && !html.contains("<script>") && !html.contains("style="),
        "{html}"
    );
    let Some(mut page) = open(&center).await else { return };
    let seen = page
        .run("document.addEventListener('securitypolicyviolation', (event) => { window.violated = event.violatedDirective; }); for (const name of ['calls', 'users', 'usage', 'overview']) await section(name); return [window.violated ?? null, performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.startsWith(location.origin))]")
        .await;
    assert_eq!(seen, json!([null, []]));
    let stopped = page.run("for (const add of [() => document.body.setAttribute('onclick', 'window.broken = 1'), () => { document.body.innerHTML = '<b onclick=\"window.broken = 1\">b</b>'; }]) { try { add(); } catch {} document.body.click(); } await until('a violation', () => window.violated); return window.broken ?? null").await;
    assert_eq!(stopped, json!(null), "no scripts in attributes");
}

/// With the token, which such a page does not have.
#[tokio::test]
async fn pages_of_other_origins_change_nothing() {
    let center = Center::start("").await;
    for (origin, status) in [
        ("https://evil.example", 403),
        ("http://127.0.0.1:1", 403),
        ("null", 403),
        (&*center.console_origin(), 201),
    ] {
        let request = center.api_request("POST", "/api/users/dave").bearer_auth(center.token());
        let response = request.header("origin", origin).json(&json!({})).send().await.unwrap();
        assert_eq!(response.status(), status, "{origin}");
    }
}
