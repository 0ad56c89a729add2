use aigc_auth::AuthLayer;
use aigc_auth::layer::CredentialSource;
use aigc_auth::metrics::MetricsObserver;
use aigc_auth::observer::{Event, Observer};
use aigc_auth::testing::{self, AuthCenter, Fault};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::ServiceExt;

use super::support::Notes;
use crate::support::{self, Log};
use crate::trace::support::Spans;

/// Keeps events, and measures them.
struct Both(Notes, MetricsObserver);

impl Observer for Both {
    fn observe(&self, event: &Event) {
        self.0.observe(event);
        self.1.observe(event);
    }
}

/// Each secret is one word that stands nowhere else.
const SECRETS: [&str; 8] = [
    "canarytoken",
    "canaryunknown",
    "ak_canarykey",
    "canarybasic",
    "canaryraw",
    "canarycookie",
    "canaryquery",
    "test-secret",
];

const REQUESTS: [(&str, &str, &str); 12] = [
    ("/me", "authorization", "Bearer canarytoken"),
    ("/purge", "authorization", "Bearer canarytoken"),
    ("/me", "authorization", "Bearer canaryunknown"),
    ("/me", "authorization", "Bearer ak_canarykey"),
    ("/me", "authorization", "Basic canarybasic"),
    ("/me", "authorization", "canarybasic canaryraw"),
    ("/me", "authorization", "canaryraw"),
    ("/me", "authorization", "Bearer canarytoken canaryraw"),
    ("/me", "cookie", "session=canarycookie"),
    ("/me", "cookie", "session=canary cookie"),
    ("/me?token=canaryquery", "accept", "text/event-stream"),
    ("/me", "x-token", "canaryraw"),
];

async fn send_all(center: &AuthCenter, app: &Router, round: usize) {
    let faults = [None, Some(Fault::Html), Some(Fault::status(401)), Some(Fault::Refuse)];
    for (n, fault) in faults.into_iter().enumerate() {
        center.clear_faults();
        fault.into_iter().for_each(|fault| center.inject_fault(fault));
        for (path, name, value) in REQUESTS {
            // All but the first are new, and so asked about.
            let value = if n + round > 0 { format!("{value}{round}{n}") } else { value.to_owned() };
            let request = Request::get(path).header(name, value).body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap();
        }
    }
}

#[tokio::test]
async fn no_event_metric_span_or_line_has_a_secret_or_a_name() {
    let center = AuthCenter::start().await;
    center.add_user(testing::user("canaryname").email("canarymail@example.com"));
    center.add_token("canarytoken", "canaryname");
    let notes = Notes::default();
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let metrics = MetricsObserver::recording_to(recorder);
    let client = support::client_with(&center, |builder| builder.observer(Both(notes.clone(), metrics)));
    let app = Router::new()
        .route("/me", get(|_: aigc_auth::CurrentUser| async {}))
        .route("/purge", get(|user: aigc_auth::CurrentUser| async move { user.require("purge") }))
        .layer(AuthLayer::new(client.clone()).credentials_from([
            CredentialSource::authorization(),
            CredentialSource::cookie("session").insecure_any_origin(),
            CredentialSource::header("x-token"),
            CredentialSource::query("token"),
        ]));
    let log = Log::start();
    send_all(&center, &app, 0).await;
    let lines = log.take();
    drop(log);
    let spans = Spans::start();
    send_all(&center, &app, 1).await;
    let spans = format!("{:?}", spans.ours());
    for (what, text) in [
        ("events", format!("{:?}", notes.take())),
        ("metrics", handle.render()),
        ("spans", spans),
        ("the snapshot", format!("{:?} {client:?}", client.snapshot())),
        ("the log", lines.lines().filter(|line| line.contains("aigc_auth")).collect::<Vec<_>>().join("\n")),
    ] {
        assert!(text.len() > 100, "{what}: {text}");
        for secret in SECRETS.iter().chain(&["canaryname", "canarymail"]) {
            assert!(!text.contains(secret), "{secret} in {what}:\n{text}");
        }
    }
}
