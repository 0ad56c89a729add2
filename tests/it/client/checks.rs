//! `check`, `is_ready`, and what the log says of the end of an outage.

use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::error::ErrorKind::{Misconfigured, Unavailable};
use aigc_auth::testing::{AuthCenter, Dialect, Fault};

use crate::support::rig::{Rig, Seen, TOKEN, status};
use crate::support::{self, Log};

#[tokio::test]
async fn check_accepts_right_settings_without_effects() {
    for dialect in [Dialect::V1_1_53, Dialect::V1_1_54, Dialect::V1_1_59] {
        let center = AuthCenter::start().await;
        center.set_dialect(dialect);
        let client = support::client(&center);
        client.check().await.unwrap();
        let requests = center.requests();
        assert_eq!(requests.len(), 1, "{dialect:?}");
        assert_eq!(requests[0].endpoint, "/users/batch-by-ids");
        assert!(center.users().is_empty() && client.cache_len() == 0);
    }
}

#[tokio::test]
async fn check_says_which_setting_is_wrong() {
    let center = AuthCenter::start().await;
    let (id, secret, url) = (center.app_id(), center.app_secret(), center.url());
    let root = url.trim_end_matches("/aigc-auth").to_owned();
    let app =
        "does not know the app id, or its secret is another one (AIGC_AUTH_APP_ID, AIGC_AUTH_APP_SECRET)";
    let base = "the base URL (AIGC_AUTH_BASE_URL) is not that of an auth center";
    let whole = |fault: Fault| Some(fault);
    for (id, secret, url, fault, kind, why) in [
        (id, "\"test-secret\"", &url, None, Misconfigured, app),
        ("another-app", secret, &url, None, Misconfigured, app),
        (id, secret, &url, whole(Fault::code(401, "unknown app")), Misconfigured, "(code 401): unknown app"),
        (id, secret, &url, whole(Fault::code(403, "hunter2")), Misconfigured, app),
        (id, secret, &root, None, Misconfigured, base),
        (id, secret, &url, whole(Fault::Html), Misconfigured, base),
        (id, secret, &url, whole(Fault::NotJson), Misconfigured, base),
        (id, secret, &url, whole(Fault::Redirect("http://127.0.0.1:1/".into())), Misconfigured, base),
        // A web server that serves files, and one that speaks no POST.
        (id, secret, &url, whole(Fault::status(405)), Misconfigured, base),
        (id, secret, &url, whole(Fault::status(501)), Misconfigured, base),
        // The auth center, or a proxy before it.
        (
            id,
            secret,
            &url,
            whole(Fault::status(403)),
            Misconfigured,
            "or another server answers at the base URL",
        ),
        (id, secret, &url, whole(Fault::status(400)), Unavailable, "(400 Bad Request)"),
        (id, secret, &url, whole(Fault::status(407)), Unavailable, "(407 Proxy Authentication Required)"),
        (
            id,
            secret,
            &url,
            whole(Fault::status(500)),
            Unavailable,
            "POST /users/batch-by-ids: the auth center failed",
        ),
        (id, secret, &url, whole(Fault::status(503)), Unavailable, "(503 Service Unavailable)"),
        (id, secret, &url, whole(status(429, Some("7"))), Unavailable, "rate limited"),
        (id, secret, &url, whole(Fault::Reset), Unavailable, "the connection broke"),
        (id, secret, &url, whole(Fault::Hang), Unavailable, "no answer in time"),
        (id, secret, &"http://127.0.0.1:1".to_owned(), None, Unavailable, "cannot connect"),
    ] {
        center.clear_faults();
        let shown = format!("{id} {secret} {url} {fault:?}");
        if let Some(fault) = fault {
            center.inject_fault(fault);
        }
        let timeout = Duration::from_millis(500);
        let client = AuthClient::builder(id, secret, url).timeout(timeout).build().unwrap();
        let error = client.check().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{shown}: {error}");
        assert!(error.to_string().contains(why), "{shown}: {error}");
        assert!(!format!("{error:?}").contains("test-secret"), "{shown}: {error:?}");
        assert!(client.is_ready(), "it says nothing of lookups");
    }
    // What it minds is not the app.
    center.inject_fault(Fault::code(404, "no such user"));
    support::client(&center).check().await.unwrap();
}

#[tokio::test]
async fn client_is_ready_while_lookups_are_made() {
    let rig = Rig::new().await;
    assert!(rig.client.is_ready(), "before the first call");
    rig.center.inject_fault(Fault::status(503));
    for n in 0..5 {
        assert!(rig.client.is_ready(), "{n} failures");
        rig.ask(&format!("token-{n}")).await;
    }
    assert!(!rig.client.is_ready());
    rig.clock.advance(Duration::from_secs(1));
    assert!(
        rig.client.is_ready(),
        "the next request is the probe, so that a service out of rotation comes back"
    );
    rig.ask("token").await;
    assert!(!rig.client.is_ready(), "the probe has failed");
    rig.center.clear_faults();
    rig.clock.advance(Duration::from_secs(2));
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    assert!(rig.client.is_ready());
}

fn lines<'a>(log: &'a str, part: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(part)).collect()
}

#[tokio::test]
async fn end_of_an_outage_is_logged_once_with_its_length() {
    let rig = Rig::new().await;
    let log = Log::start();
    rig.center.inject_fault(Fault::status(503));
    for n in 0..20 {
        rig.ask(&format!("token-{n}")).await;
        rig.clock.advance(Duration::from_millis(100));
    }
    assert!(!log.take().contains("succeed again"));
    rig.center.clear_faults();
    rig.advance(60);
    rig.center.add_token("another", "alice");
    for token in [TOKEN, "another"] {
        assert_eq!(rig.ask(token).await, Seen::user("alice"));
    }
    let log = log.take();
    let ended = lines(&log, "calls to the auth center succeed again");
    assert_eq!(ended.len(), 1, "{log}");
    assert!(ended[0].contains("INFO") && ended[0].contains("endpoint=\"/user/info\" outage=62s"), "{log}");
}

/// Each warning is followed by one line at most, and those are one in 10 s.
#[tokio::test]
async fn flapping_center_does_not_flood_the_log() {
    let rig = Rig::new().await;
    let log = Log::start();
    rig.center.inject_fault(Fault::status(503));
    for n in 0..40 {
        rig.center.add_token(format!("token-{n}"), "alice");
        let fault = Fault::status(503);
        match n % 2 {
            0 => rig.center.inject_fault(fault),
            _ => rig.center.clear_faults(),
        }
        rig.ask(&format!("token-{n}")).await;
        rig.clock.advance(Duration::from_millis(500));
    }
    let log = log.take();
    let count = |part| lines(&log, part).len();
    assert_eq!((count("call to the auth center failed"), count("succeed again")), (2, 2), "{log}");
}

/// A credential that the auth center cannot answer is no outage, nor is its end.
#[tokio::test]
async fn bad_answer_about_one_credential_is_no_outage() {
    let rig = Rig::new().await;
    let log = Log::start();
    rig.center.inject_fault_for("bad", Fault::Html);
    rig.center.add_token("bad", "alice");
    assert_eq!(rig.ask("bad").await.status, 503);
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    let log = log.take();
    assert!(log.contains("call to the auth center failed") && !log.contains("succeed again"), "{log}");
}
