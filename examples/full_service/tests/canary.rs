//! What the example prints and answers, at `RUST_LOG=trace`, while secrets go through it.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use ::canary::{Search, word};
use aigc_auth::testing::{AuthCenter, Fault, user};
use aigc_auth::webhook;
use test_support::http;
use test_support::process::Program;
use tokio::time::timeout;

const FULL_SERVICE: Program = Program(env!("CARGO_BIN_EXE_full_service"));

const SECRETS: [&str; 7] =
    ["app secret", "token", "unknown token", "webhook secret", "query", "form password", "e-mail"];

/// Stands where a secret would: in the name of an event, and as the id of a trace, which are logged.
const PLANTED: &str = "planted";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_printed_or_answered() {
    let mut search = Search::new();
    for name in SECRETS.iter().chain(&[PLANTED]) {
        search.word(name, &word(name));
    }
    let center = AuthCenter::builder().app_secret(word("app secret")).start().await;
    center.add_user(user("carol").id(7).email(word("e-mail")));
    center.add_token(word("token"), "carol");
    let (secret, hook, url) = (word("app secret"), word("webhook secret"), center.url());
    let variables = [
        ("AIGC_AUTH_APP_ID", center.app_id()),
        ("AIGC_AUTH_APP_SECRET", &*secret),
        ("AIGC_AUTH_BASE_URL", &*url),
        ("AIGC_AUTH_WEBHOOK_SECRET", &*hook),
        ("RUST_LOG", "trace"),
    ];
    let (app, mut log) = FULL_SERVICE.start_logged("canary", &variables).await;
    // It is read as it comes, so that the program never waits for it.
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        while let Some(line) = log.next_line().await.unwrap() {
            text += &line;
            text += "\n";
        }
        text
    });
    let mut answers = String::new();
    for fault in [
        None,
        Some(Fault::Html),
        Some(Fault::code(401, format!("{} is unknown", word("token")))),
        Some(Fault::Refuse),
    ] {
        center.clear_faults();
        fault.into_iter().for_each(|fault| center.inject_fault(fault));
        for token in [word("token"), format!("{}x", word("unknown token")), format!("two {}", word("token"))]
        {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", &*bearer)];
            let query = format!("?password={0}&token={0}", word("query"));
            for path in ["/me", "/admin", "/reports", &format!("/{}", word(PLANTED))] {
                answers +=
                    &format!("{:?}", http::get(app.address, &format!("{path}{query}"), &headers).await);
            }
            let body = format!("{{\"password\": \"{}\"}}", word("form password"));
            answers += &format!("{:?}", http::post(app.address, "/reports", &headers, body).await);
        }
        // An event whose name is the planted word, signed well and badly.
        let event = format!("{{\"event\": \"{}\", \"data\": {{\"id\": 7}}}}", word(PLANTED));
        let signature = webhook::sign(event.as_bytes(), &word("webhook secret").into());
        for signature in [signature, word("webhook secret")] {
            let signed = [("x-webhook-signature", signature), ("x-trace-id", word(PLANTED))];
            answers += &format!("{:?}", http::post(app.address, "/webhook/auth", &signed, &event).await);
        }
    }
    app.signal("TERM");
    let (stdout, _) = app.ended().await;
    let log = timeout(test_support::process::PATIENCE, reading).await.unwrap().unwrap();
    assert!(log.contains("TRACE") && log.contains("aigc_auth"), "{} bytes were logged", log.len());
    let printed = search.find(format!("{stdout}{log}"));
    assert_eq!(printed.keys().collect::<Vec<_>>(), [PLANTED], "{printed:?}");
    let mut answered = search.find(&answers);
    answered.remove(PLANTED);
    // `/me` is the user's own data.
    answered.remove("e-mail");
    assert!(answered.is_empty(), "{answered:?}");
}
