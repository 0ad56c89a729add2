//! Records that handlers and jobs add, and recorders of a service.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use aigc_auth::credential::Credential;
use aigc_auth::layer::CaptureBody;
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::TestKey;
use aigc_auth::usage::{ApiRecord, Record, Served};
use aigc_auth::{AuthClient, AuthLayer, context};
use axum::Router;
use axum::body::Body;
use axum::response::Redirect;
use axum::routing::get;
use http::{Request, Response};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::stats::support::Rig;
use crate::support::context::request_with_token;
use crate::support::{self, get_as, serve};

#[tokio::test]
async fn handlers_and_jobs_add_records() {
    async fn handler() {
        let call = |path| ApiRecord::new("POST", path);
        let stats = context::stats().unwrap();
        stats.record(call("https://other.example.com/of-the-request"));
        stats
            .record(call("/of-a-job").credential(Credential::new("bob-token").unwrap()).username("zhangsan"));
        stats.record(call("/moved").status(302));
    }
    let rig = Rig::new().await;
    let app = Router::new().route("/run", get(handler)).route("/open", get(handler));
    let app = serve(app.layer(rig.auth().exclude_path("/open"))).await;
    assert!(context::stats().is_none());
    let summary = |(credential, record): &(String, Value)| {
        let path = record["api_path"].as_str().unwrap().to_owned();
        (path, credential.clone(), record["request_params"]["headers"]["X-Match-Username"].clone())
    };
    let row = |path: &str, credential: &str, name: Value| (path.to_owned(), credential.to_owned(), name);
    for (path, expected) in [
        (
            "/run",
            vec![
                row("/of-a-job", "bob-token", json!("zhangsan")),
                row("/run", "alice-token", Value::Null),
                row("https://other.example.com/of-the-request", "alice-token", Value::Null),
            ],
        ),
        // There, the request is not authenticated.
        ("/open", vec![row("/of-a-job", "bob-token", json!("zhangsan"))]),
    ] {
        assert_eq!(get_as(app.address, "alice-token", path).await.status, 200);
        let mut records: Vec<_> = rig.sent().await.iter().map(summary).collect();
        records.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(records, expected, "{path}");
    }

    rig.stats.record(ApiRecord::new("POST", "/of-nobody"));
    assert_eq!(rig.records().await, [] as [Value; 0]);
    rig.stats.record(ApiRecord::new("POST", "/night").credential(Credential::new("ak_alice").unwrap()));
    assert_eq!(summary(&rig.sent().await[0]), row("/night", "ak_alice", Value::Null));
    let no_stats = Router::new()
        .route("/", get(|| async { context::stats().is_none().to_string() }))
        .layer(support::auth(&rig.center));
    assert_eq!(get_as(serve(no_stats).await.address, "alice-token", "/").await.body, "true");
}

#[tokio::test]
async fn x_match_username_counts_only_from_machine_keys() {
    let rig = Rig::new().await;
    rig.center.add_access_key("ak_app", TestKey::app(rig.center.app_id()));
    rig.center.add_access_key("ak_global", TestKey::global());
    let app = serve(Router::new().route("/", get(|| async {})).layer(rig.auth())).await;
    for (credential, accepted) in [
        ("alice-token", false),
        ("root-token", false),
        ("ak_alice", false),
        ("ak_app", true),
        ("ak_global", true),
    ] {
        let authorization = format!("Bearer {credential}");
        let headers =
            [("authorization", &*authorization), ("x-match-username", "bob"), ("x-match-path", "/p")];
        assert_eq!(support::get(app.address, "/", &headers).await.status, 200);
        let headers = &rig.records().await[0]["request_params"]["headers"];
        let expected = if accepted { json!("bob") } else { Value::Null };
        assert_eq!(
            (&headers["x-match-username"], &headers["x-match-path"]),
            (&expected, &json!("/p")),
            "{credential}"
        );
    }
}

/// Statistics of one's own.
#[derive(Clone, Default)]
struct Mine(Arc<Mutex<Vec<String>>>);

impl Record for Mine {
    fn record(&self, served: Box<dyn Served>) {
        let credential = served.credential().map(|credential| credential.as_str().to_owned());
        let said = (served.status(), served.is_verified(), credential);
        let record = serde_json::to_value(served.into_record()).unwrap();
        self.0.lock().unwrap().push(format!("{} {said:?}", record["api_path"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn custom_recorder_sees_redirects_and_anonymous_calls() {
    async fn handler() {
        context::stats().unwrap().record(ApiRecord::new("GET", "/beside"));
    }
    let rig = Rig::new().await;
    let mine = Mine::default();
    let app = Router::new()
        .route("/ok", get(|| async {}))
        .route("/moved", get(|| async { Redirect::temporary("/ok") }))
        .route("/run", get(handler))
        .route("/open", get(handler));
    let app = app.layer(support::auth(&rig.center).exclude_path("/open").with_stats(mine.clone()));
    let app = serve(app).await;
    for (path, credential, expected) in [
        ("/ok", "alice-token", vec![r#"/ok (200, true, Some("alice-token"))"#]),
        ("/ok", "unknown", vec![]),
        ("/ok", "b a d", vec![]),
        ("/moved", "ak_alice", vec![r#"/moved (307, true, Some("ak_alice"))"#]),
        (
            "/run",
            "alice-token",
            vec![r#"/beside (200, true, Some("alice-token"))"#, r#"/run (200, true, Some("alice-token"))"#],
        ),
        ("/open", "alice-token", vec!["/beside (200, true, None)"]),
    ] {
        get_as(app.address, credential, path).await;
        assert_eq!(std::mem::take(&mut *mine.0.lock().unwrap()), expected, "{path} as {credential}");
    }
    assert_eq!(rig.records().await, [] as [Value; 0]);
}

#[test]
fn futures_and_bodies_are_send() {
    fn send<T: Send>(_: &T) {}
    fn sync<T: Send + Sync + Clone>() {}
    sync::<StatsCollector>();
    sync::<context::Recorder>();
    sync::<CaptureBody<Router>>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _in_runtime = runtime.enter();
    let client = AuthClient::builder("app", "secret", "http://127.0.0.1:1").build().unwrap();
    let layer = AuthLayer::new(client.clone()).with_stats(StatsCollector::start(&client)).time_bodies();
    let service = layer
        .layer(service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) }));
    let answer = service.oneshot(request_with_token("/", "b a d"));
    send(&answer);
    send(&runtime.block_on(answer).unwrap().into_body());
}
