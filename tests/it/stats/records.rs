//! The fields of a record, how it is reported, and which requests leave one.

use std::collections::HashSet;

use aigc_auth::error::{ErrorResponder, Language};
use aigc_auth::layer::{GuardLayer, TrustedProxies};
use aigc_auth::testing::{Fault, TestKey};
use aigc_auth::{AuthLayer, CurrentUser, RequirePermission, permissions};
use axum::Router;
use axum::body::Body;
use axum::response::Redirect;
use axum::routing::{any, get};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::stats::support::{Rig, ending};
use crate::support::context::request_with_token;
use crate::support::{self, get_as, serve, serve_service};

permissions! {
    WriteReports = "report:write";
}

#[tokio::test]
async fn record_contains_allowed_fields_only() {
    let rig = Rig::new().await;
    let handler = || async {
        let headers = [
            ("x-match-cost", "0.0035"),
            ("x-match-dynamic", "1"),
            ("set-cookie", "sid=hunter2"),
            ("x-trace-id", "of the answer"),
            ("x-matches", "none"),
        ];
        (headers, "hunter2")
    };
    let app = serve(
        Router::new()
            .route("/users/{id}", get(handler))
            .layer(rig.auth().trusted_proxies(TrustedProxies::nginx())),
    )
    .await;
    let target = "/users/%E7%88%B1?page=2&q=two+words&tag=a&tag=b&access_token=hunter2&Pass-Word=hunter2";
    let headers = [
        ("Authorization", "Bearer alice-token"),
        ("X-Api-Key", "hunter2"),
        ("X-App-Secret", "hunter2"),
        ("Proxy-Authorization", "Basic hunter2"),
        ("Referer", "https://example.com/?hunter2"),
        ("Origin", "https://hunter2.example.com"),
        ("Accept", "application/json"),
        ("Traceparent", "hunter2"),
        ("X-Forwarded-Proto", "https"),
        ("X-Matches", "hunter2"),
        ("User-Agent", "curl/8"),
        ("Content-Type", "text/plain"),
        ("X-Real-IP", "8.8.4.4"),
        ("X-Forwarded-For", "1.1.1.1, 10.0.0.1"),
        ("X-Request-ID", "r-1"),
        ("X-Trace-ID", "t-1"),
        ("X-Match-Path", "/users/*"),
        ("X-Match-Rule", "爱"),
        ("Cookie", "sid=hunter2"),
    ];
    let start = std::time::Instant::now();
    assert_eq!(support::get(app.address, target, &headers).await.status, 200);
    let at_most = start.elapsed().as_secs_f64();

    let (credential, mut record) = rig.sent().await.remove(0);
    let took = record["response_time"].take().as_f64().unwrap();
    assert!(took > 0.0 && took < at_most, "{took} s of {at_most} s");
    let expected = json!({
        "api_path": "/users/%E7%88%B1",
        "api_method": "GET",
        "status_code": 200,
        "response_time": null,
        "error_message": null,
        "request_params": {
            "headers": {
                "user-agent": "curl/8",
                "content-type": "text/plain",
                "x-real-ip": "8.8.4.4",
                "x-forwarded-for": "1.1.1.1, 10.0.0.1",
                "x-request-id": "r-1",
                "x-trace-id": "t-1",
                "x-match-path": "/users/*",
                "x-match-rule": "爱",
            },
            "query_params": {
                "page": "2", "q": "two words", "tag": ["a", "b"], "access_token": "***", "Pass-Word": "***",
            },
            "view_params": {"id": "爱"},
            "request_body": null,
            "form_params": {},
        },
        "response_headers": {"x-match-cost": "0.0035", "x-match-dynamic": "1"},
    });
    assert_eq!((&*credential, record), ("alice-token", expected));
}

#[tokio::test]
async fn absent_fields_are_null_or_omitted() {
    let rig = Rig::new().await;
    let app = Router::new().route("/", get(|| async {})).layer(rig.auth());
    // Without a connection there is no address either.
    app.oneshot(request_with_token("/", "alice-token")).await.unwrap();
    let record = rig.one().await;
    assert_eq!(
        (&record["request_params"], &record["response_headers"], &record["error_message"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn client_ip_follows_trusted_proxies() {
    let rig = Rig::new().await;
    let lying = [("x-real-ip", "8.8.4.4"), ("x-forwarded-for", "1.1.1.1, 9.9.9.9")];
    for (what, trusted, headers, expected) in [
        ("nothing said", TrustedProxies::private(), &[][..], "127.0.0.1"),
        ("x-real-ip", TrustedProxies::nginx(), &lying, "8.8.4.4"),
        ("x-real-ip of a proxy that sets none", TrustedProxies::private(), &lying, "9.9.9.9"),
        ("hops", TrustedProxies::private(), &lying[1..], "9.9.9.9"),
        ("no address at all", TrustedProxies::nginx(), &[("x-real-ip", "hunter2")], "127.0.0.1"),
        ("from an untrusted proxy", TrustedProxies::none(), &lying, "127.0.0.1"),
    ] {
        let layer = rig.auth().trusted_proxies(trusted);
        let app = serve(Router::new().route("/", get(|| async {})).layer(layer)).await;
        let headers = [headers, &[("authorization", "Bearer alice-token")]].concat();
        support::get(app.address, "/", &headers).await;
        let record = rig.one().await;
        assert_eq!(record["request_params"]["headers"]["x-real-ip"], expected, "{what}");
    }
}

#[tokio::test]
async fn record_has_full_path_and_route_params() {
    let rig = Rig::new().await;
    let ok = || get(|| async {});
    let users = || Router::new().route("/users/{id}", ok()).route("/files/{*path}", ok()).route("/all", ok());
    let tenants = |inner: Router| Router::new().nest("/tenants/{tenant}", inner);
    let around = rig.auth().layer(tenants(users()));
    let around = serve_service(around).await;
    let mut apps = vec![];
    for (what, router) in [
        ("a router", users().layer(rig.auth())),
        ("outside of nest", tenants(users()).layer(rig.auth())),
        ("inside of nest", tenants(users().layer(rig.auth()))),
        ("inside of a nested service", Router::new().nest_service("/api", users().layer(rig.auth()))),
        ("a route's", Router::new().route("/reset/{token}", ok()).route_layer(rig.auth())),
    ] {
        apps.push((what, serve(router).await));
    }
    let address =
        |what| apps.iter().find(|(name, _)| *name == what).map_or(around.address, |(_, app)| app.address);
    for (what, path, params) in [
        ("a router", "/users/7", json!({"id": "7"})),
        ("a router", "/users/a%2Fb%20c", json!({"id": "a/b c"})),
        ("a router", "/files/a/b%20c/", json!({"path": "a/b c/"})),
        ("a router", "/all", json!({})),
        ("a router", "/none", json!({})),
        ("outside of nest", "/tenants/t%201/users/7", json!({"tenant": "t 1", "id": "7"})),
        ("outside of nest", "/tenants/t/none", json!({})),
        ("inside of nest", "/tenants/t%201/users/7", json!({"tenant": "t 1", "id": "7"})),
        ("inside of nest", "/tenants/t/files/a/b", json!({"tenant": "t", "path": "a/b"})),
        ("inside of a nested service", "/api/users/7", json!({"id": "7"})),
        ("a route's", "/reset/hunter2", json!({"token": "***"})),
        ("around the router", "/tenants/t/users/7", json!({})),
        ("around the router", "/none", json!({})),
    ] {
        get_as(address(what), "alice-token", path).await;
        let record = rig.one().await;
        assert_eq!(record["api_path"], path, "{what}");
        assert_eq!(record["request_params"]["view_params"], params, "{what}: {path}");
    }
    for (method, target, path) in [
        ("GET", "http://elsewhere.test/all?page=1", "/all"),
        ("GET", "http://elsewhere.test", "/"),
        ("OPTIONS", "*", "*"),
        ("CONNECT", "elsewhere.test:80", "/"),
    ] {
        support::request(around.address, method, target, &[ALICE]).await;
        assert_eq!(rig.one().await["api_path"], path, "{method} {target}");
    }
}

#[tokio::test]
async fn report_is_one_call_per_credential() {
    let rig = Rig::new().await;
    rig.center.add_access_key("ak_app", TestKey::app(rig.center.app_id()));
    let app = serve(Router::new().route("/{n}", get(|| async {})).layer(rig.auth())).await;
    let credentials = ["alice-token", "ak_alice", "bob-token", "ak_app"];
    for n in 0..12 {
        let credential = format!("Bearer {}", credentials[n % 4]);
        support::get(
            app.address,
            &format!("/{n}"),
            &[("authorization", &*credential), ("x-trace-id", "of a request"), ("cookie", "sid=hunter2")],
        )
        .await;
    }
    let mut sent = rig.sent().await;
    sent.sort_by_key(|(_, record)| record["api_path"].as_str().unwrap()[1..].parse::<usize>().unwrap());
    let expected: Vec<_> = (0..12).map(|n| (credentials[n % 4], format!("/{n}"))).collect();
    let sent: Vec<_> = sent
        .iter()
        .map(|(credential, record)| (&**credential, record["api_path"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(sent, expected);

    let reports = rig.reports();
    assert_eq!(reports.len(), 4);
    let mut keys = HashSet::new();
    for report in &reports {
        let header = |name: &str| report.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("x-app-id"), Some("test-app"));
        assert_eq!(header("x-app-secret"), Some("test-secret"));
        assert_eq!(header("content-type"), Some("application/json"));
        for name in ["content-encoding", "accept-encoding", "transfer-encoding", "cookie", "x-trace-id"] {
            assert_eq!(header(name), None, "{name}");
        }
        assert_eq!(report.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["stats"]);
        let key = header("idempotency-key").unwrap();
        assert!(key.len() == 32 && keys.insert(key), "{key}");
    }
}

/// Paths by what comes of them.
fn routes() -> Router {
    Router::new()
        .route("/ok", get(|| async {}).post(|| async {}))
        .route("/open/{*rest}", get(|| async {}))
        .route("/me", get(|_: CurrentUser| async {}))
        .route("/moved", get(|| async { Redirect::temporary("/ok") }))
        .route("/unchanged", get(|| async { StatusCode::NOT_MODIFIED }))
        .route("/teapot", get(|| async { StatusCode::IM_A_TEAPOT }))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/extractor", any(|_: RequirePermission<WriteReports>| async {}))
        .route("/by-hand", any(|user: CurrentUser| async move { user.require("report:write") }))
        .route("/guarded", any(|| async {}).layer(GuardLayer::permission("report:write")))
}

const ALICE: (&str, &str) = ("authorization", "Bearer alice-token");
const PREFLIGHT: [(&str, &str); 2] =
    [("origin", "https://example.com"), ("access-control-request-method", "POST")];

/// A method, a path, headers, and the status and message of the record, if there is one.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Option<(u64, Option<&'a str>)>);

/// Sends what the rows say, and compares.
async fn check(rig: &Rig, layer: AuthLayer, rows: &[Row<'_>]) {
    let app = serve(routes().layer(layer)).await;
    for (method, path, headers, expected) in rows {
        let answer = support::request(app.address, method, path, headers).await;
        let records = rig.records().await;
        let endings: Vec<_> = records.iter().map(ending).collect();
        assert_eq!(endings, Vec::from_iter(*expected), "{method} {path} {headers:?}");
        for record in &records {
            assert_eq!((&record["api_path"], &record["api_method"]), (&json!(path), &json!(method)));
            assert_eq!(record["status_code"], answer.status);
        }
    }
}

#[tokio::test]
async fn recorded_requests_by_table() {
    let rig = Rig::new().await;
    rig.center.add_user(aigc_auth::testing::user("carol"));
    rig.center.add_token("carol-token", "carol");
    rig.center.disable_user("carol");
    let layer = rig.auth().exclude_prefix("/open").allow_preflight();
    let rows: &[Row<'_>] = &[
        ("GET", "/ok", &[ALICE], Some((200, None))),
        ("POST", "/ok", &[ALICE], Some((200, None))),
        ("HEAD", "/ok", &[ALICE], Some((200, None))),
        ("DELETE", "/ok", &[ALICE], Some((405, None))),
        ("GET", "/none", &[ALICE], Some((404, None))),
        ("GET", "/teapot", &[ALICE], Some((418, None))),
        ("GET", "/broken", &[ALICE], Some((502, None))),
        ("GET", "/extractor", &[ALICE], Some((403, None))),
        ("GET", "/by-hand", &[ALICE], Some((403, None))),
        ("GET", "/guarded", &[ALICE], Some((403, None))),
        ("GET", "/moved", &[ALICE], None),
        ("GET", "/unchanged", &[ALICE], None),
        ("GET", "/open/door", &[ALICE], None),
        ("OPTIONS", "/ok", &PREFLIGHT, None),
        ("OPTIONS", "/ok", &[PREFLIGHT[0], PREFLIGHT[1], ALICE], None),
        ("OPTIONS", "/ok", &[ALICE], Some((405, None))),
        ("GET", "/ok", &[], None),
        ("GET", "/ok", &[("authorization", "Basic YWxpY2U6aHVudGVyMg==")], None),
        ("GET", "/ok", &[("authorization", "Bearer no credential")], None),
        ("GET", "/ok", &[ALICE, ALICE], None),
        // Nobody can be billed for these.
        ("GET", "/ok", &[("authorization", "Bearer unknown")], None),
        ("GET", "/none", &[("authorization", "Bearer unknown")], None),
        ("GET", "/ok", &[("authorization", "Bearer ak_unknown")], None),
        ("GET", "/ok", &[("authorization", "Bearer carol-token")], Some((403, Some("Access is denied")))),
    ];
    // The second time, all of them are known.
    check(&rig, layer.clone(), rows).await;
    check(&rig, layer, rows).await;
    let carol = [("authorization", "Bearer carol-token")];
    let in_chinese: Row<'_> = ("GET", "/ok", &carol, Some((403, Some("禁止访问"))));
    check(&rig, rig.auth().language(Language::Chinese), &[in_chinese]).await;
}

#[tokio::test]
async fn unverifiable_credential_is_recorded() {
    let rig = Rig::new().await;
    rig.center.inject_fault_on("/user/info", Fault::status(503));
    let message = Some("The credential cannot be verified right now");
    check(&rig, rig.auth(), &[("GET", "/ok", &[ALICE], Some((503, message)))]).await;
    let teapot = ErrorResponder::new(|refusal| (StatusCode::IM_A_TEAPOT, refusal.error().to_string()));
    let layer = rig.auth().error_responder(teapot);
    check(&rig, layer, &[("GET", "/ok", &[ALICE], Some((418, message)))]).await;
}

#[tokio::test]
async fn refused_grpc_call_is_recorded_with_status_of_its_error() {
    let rig = Rig::new().await;
    rig.center.add_user(aigc_auth::testing::user("carol"));
    rig.center.add_token("carol-token", "carol");
    rig.center.disable_user("carol");
    let app = serve(routes().layer(rig.auth())).await;
    let grpc = ("content-type", "application/grpc");
    let (carol, unseen) = (("authorization", "Bearer carol-token"), ("authorization", "Bearer unseen-token"));
    for (path, credential, expected) in [
        ("/ok", ALICE, (200, None)),
        ("/extractor", ALICE, (403, None)),
        ("/by-hand", ALICE, (403, None)),
        ("/guarded", ALICE, (403, None)),
        ("/ok", carol, (403, Some("Access is denied"))),
        ("/ok", unseen, (503, Some("The credential cannot be verified right now"))),
    ] {
        if expected.0 == 503 {
            rig.center.inject_fault_on("/user/info", Fault::status(503));
        }
        let answer = support::request(app.address, "POST", path, &[credential, grpc]).await;
        assert_eq!(
            (answer.status, answer.header("grpc-status").is_some()),
            (200, expected.0 != 200),
            "{path}"
        );
        let records = rig.records().await;
        assert_eq!(records.iter().map(ending).collect::<Vec<_>>(), [expected], "{path}");
    }
}

#[tokio::test]
async fn allow_anonymous_records_requests_of_users_only() {
    let rig = Rig::new().await;
    let rows: &[Row<'_>] = &[
        ("GET", "/ok", &[ALICE], Some((200, None))),
        ("GET", "/ok", &[("authorization", "Bearer unknown")], None),
        ("GET", "/me", &[("authorization", "Bearer unknown")], None),
        ("GET", "/ok", &[], None),
        ("GET", "/me", &[], None),
        ("GET", "/ok", &[("authorization", "Bearer no credential")], None),
    ];
    let layer = rig.auth().allow_anonymous();
    check(&rig, layer.clone(), rows).await;
    check(&rig, layer.clone(), rows).await;
    // In an outage it may be somebody's.
    rig.center.inject_fault_on("/user/info", Fault::status(503));
    let unseen = [("authorization", "Bearer unseen")];
    check(&rig, layer, &[("GET", "/ok", &unseen, Some((200, None)))]).await;
}

#[tokio::test]
async fn failing_inner_service_is_recorded_as_500() {
    let rig = Rig::new().await;
    let fails = service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>("out of order") });
    for answer in [rig.auth(), rig.auth()]
        .map(|auth| auth.layer(fails).oneshot(request_with_token("/x?page=1", "alice-token")))
    {
        assert_eq!(answer.await.unwrap_err(), "out of order");
        let record = rig.one().await;
        assert_eq!(ending(&record), (500, Some("inner service failed")));
        assert_eq!(record["request_params"]["query_params"], json!({"page": "1"}));
    }
}

/// Each of them sees the request, so each of them records it.
#[tokio::test]
async fn each_layer_with_stats_records_once() {
    let rig = Rig::new().await;
    let plain = || support::auth(&rig.center);
    for (what, outer, inner, records) in [
        ("both", rig.auth(), rig.auth(), 2),
        ("the outer", rig.auth(), plain(), 1),
        ("the inner", plain(), rig.auth(), 1),
        ("both, excluded within", rig.auth(), rig.auth().exclude_path("/ok"), 1),
    ] {
        let app = serve(routes().layer(inner).layer(outer)).await;
        get_as(app.address, "alice-token", "/ok").await;
        assert_eq!(rig.records().await.len(), records, "{what}");
    }
}
