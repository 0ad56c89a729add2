//! Extractors and guards, and what each answers to which caller.

use aigc_auth::error::{ErrorKind, Language};
use aigc_auth::extract::RequestInfo;
use aigc_auth::layer::{GuardLayer, TrustedProxies};
use aigc_auth::permission::{AllOf, AnyOf};
use aigc_auth::testing::Fault;
use aigc_auth::{
    AuthError, AuthLayer, CurrentUser, OptionalUser, RequireAdmin, RequireGroup, RequirePermission,
    RequireRole, groups, permissions, roles,
};
use axum::Router;
use axum::middleware::from_extractor;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use http::Request;
use serde_json::json;
use tower::Layer;

use crate::support::{self, App, Log, center, get_as, serve, serve_service, verdict};

permissions! {
    ReadReports = "report:read";
    WriteArticle = "article:write";
    EditArticle = "article:edit";
}

roles! {
    Editor = "editor";
}

groups! {
    Operations = "ops";
}

type Nested = AllOf<(ReadReports, AnyOf<(WriteArticle, AllOf<(EditArticle, ReadReports)>)>)>;

fn who(user: impl std::ops::Deref<Target = aigc_auth::UserInfo>) -> String {
    user.username().to_string()
}

/// A route for each extractor and guard.
fn routes() -> Router {
    let guarded = |path: &str, guard: GuardLayer| {
        Router::new().route(path, get(|| async { "passed" })).route_layer(guard)
    };
    let extracted = Router::new()
        .route("/from_extractor", get(|| async { "passed" }))
        .route_layer(from_extractor::<RequirePermission<ReadReports>>());
    Router::new()
        .route("/current", get(|user: CurrentUser| async move { who(user) }))
        .route("/option", get(|user: Option<CurrentUser>| async move { user.map_or("nobody".into(), who) }))
        .route(
            "/optional",
            get(|OptionalUser(user): OptionalUser| async move {
                user.map_or("nobody".to_owned(), |user| user.username().to_string())
            }),
        )
        .route("/permission", get(|user: RequirePermission<ReadReports>| async move { who(user) }))
        .route(
            "/all",
            get(|user: RequirePermission<AllOf<(ReadReports, EditArticle)>>| async move { who(user) }),
        )
        .route("/all_lacking", get(|_: RequirePermission<AllOf<(ReadReports, WriteArticle)>>| async { "no" }))
        .route(
            "/any",
            get(|user: RequirePermission<AnyOf<(WriteArticle, EditArticle)>>| async move { who(user) }),
        )
        .route("/nested", get(|user: RequirePermission<Nested>| async move { who(user) }))
        .route("/role", get(|user: RequireRole<Editor>| async move { who(user) }))
        .route("/group", get(|user: RequireGroup<Operations>| async move { who(user) }))
        .route("/admin", get(|user: RequireAdmin| async move { who(user) }))
        .route(
            "/two",
            get(|user: RequirePermission<ReadReports>, _: RequireRole<Editor>| async move { who(user) }),
        )
        .merge(extracted)
        .merge(guarded("/guard/permission", GuardLayer::permission("report:read")))
        .merge(guarded("/guard/any", GuardLayer::any_permission(["article:write", "article:edit"])))
        .merge(guarded("/guard/all", GuardLayer::all_permissions(["report:read", "article:edit"])))
        .merge(guarded("/guard/role", GuardLayer::role("editor")))
        .merge(guarded("/guard/group", GuardLayer::group("ops")))
        .merge(guarded("/guard/any_group", GuardLayer::any_group(["staff", "ops"])))
        .merge(guarded("/guard/all_groups", GuardLayer::all_groups(["ops", "staff"])))
        .merge(guarded("/guard/no_group", GuardLayer::any_group(Vec::<String>::new())))
        .merge(guarded("/guard/admin", GuardLayer::admin()))
        .merge(guarded("/guard/none", GuardLayer::any_permission(Vec::<String>::new())))
        .merge(guarded(
            "/guard/new",
            GuardLayer::new(|user| match user.username() {
                "alice" => Ok(()),
                _ => Err(AuthError::new(ErrorKind::Denied)),
            }),
        ))
}

type Verdict = Result<&'static str, u16>;

/// Path, and the answers to: no credential, a bad token, a token that cannot be verified, bob, alice, root.
type Row = (&'static str, [Verdict; 6]);

const NEEDS_USER: [Verdict; 3] = [Err(401), Err(401), Err(503)];

/// A row of something that needs a user.
const fn row(path: &'static str, bob: Verdict, alice: Verdict, root: Verdict) -> Row {
    let [nobody, bad, unverifiable] = NEEDS_USER;
    (path, [nobody, bad, unverifiable, bob, alice, root])
}

#[tokio::test]
async fn extractors_and_guards_answer_by_table() {
    let (center, failing) = (center().await, center().await);
    failing.inject_fault(Fault::status(500));
    let table = [
        row("/current", Ok("bob"), Ok("alice"), Ok("root")),
        ("/option", [Ok("nobody"), Err(401), Err(503), Ok("bob"), Ok("alice"), Ok("root")]),
        ("/optional", [Ok("nobody"), Ok("nobody"), Ok("nobody"), Ok("bob"), Ok("alice"), Ok("root")]),
        row("/permission", Err(403), Ok("alice"), Err(403)),
        row("/all", Err(403), Ok("alice"), Err(403)),
        row("/all_lacking", Err(403), Err(403), Err(403)),
        row("/any", Err(403), Ok("alice"), Err(403)),
        row("/nested", Err(403), Ok("alice"), Err(403)),
        row("/role", Err(403), Ok("alice"), Err(403)),
        row("/group", Err(403), Ok("alice"), Err(403)),
        row("/admin", Err(403), Err(403), Ok("root")),
        row("/two", Err(403), Ok("alice"), Err(403)),
        row("/from_extractor", Err(403), Ok("passed"), Err(403)),
        row("/guard/permission", Err(403), Ok("passed"), Err(403)),
        row("/guard/any", Err(403), Ok("passed"), Err(403)),
        row("/guard/all", Err(403), Ok("passed"), Err(403)),
        row("/guard/role", Err(403), Ok("passed"), Err(403)),
        row("/guard/group", Err(403), Ok("passed"), Err(403)),
        row("/guard/any_group", Err(403), Ok("passed"), Err(403)),
        row("/guard/all_groups", Err(403), Err(403), Err(403)),
        row("/guard/no_group", Err(403), Err(403), Err(403)),
        row("/guard/admin", Err(403), Err(403), Ok("passed")),
        row("/guard/none", Err(403), Err(403), Err(403)),
        row("/guard/new", Err(403), Ok("passed"), Err(403)),
    ];
    for strict in [true, false] {
        let rules = |layer: AuthLayer| if strict { layer } else { layer.allow_anonymous() };
        let app = serve(routes().layer(rules(support::auth(&center)))).await;
        let blind = serve(routes().layer(rules(support::auth(&failing)))).await;
        for (path, expected) in &table {
            let answers = [
                support::get(app.address, path, &[]).await,
                get_as(app.address, "unknown", path).await,
                get_as(blind.address, "alice-token", path).await,
                get_as(app.address, "bob-token", path).await,
                get_as(app.address, "alice-token", path).await,
                get_as(app.address, "root-token", path).await,
            ];
            let mut expected = *expected;
            if strict {
                expected[..3].copy_from_slice(&NEEDS_USER);
            }
            assert_eq!(answers.each_ref().map(verdict), expected, "{path}, strict: {strict}");
        }
    }
}

#[tokio::test]
async fn malformed_header_is_invalid_credential() {
    let center = center().await;
    let app = serve(routes().layer(support::auth(&center).allow_anonymous())).await;
    for value in ["Bearer", "Bearer a b", "Bearer\talice-token", "Bearer t\u{f6}k"] {
        for (path, expected) in [("/current", Err(401)), ("/option", Err(401)), ("/optional", Ok("nobody"))] {
            let answer = support::get(app.address, path, &[("authorization", value)]).await;
            assert_eq!(verdict(&answer), expected, "{path} by {value:?}");
        }
    }
    let basic = support::get(app.address, "/option", &[("authorization", "Basic dXNlcjpwYXNz")]).await;
    assert_eq!(verdict(&basic), Ok("nobody"), "another scheme is not this crate's");
    assert!(center.requests().is_empty());
}

const EVERY_PATH: [&str; 15] = [
    "/current",
    "/option",
    "/optional",
    "/permission",
    "/any",
    "/nested",
    "/role",
    "/group",
    "/admin",
    "/from_extractor",
    "/guard/permission",
    "/guard/role",
    "/guard/group",
    "/guard/admin",
    "/guard/new",
];

#[tokio::test]
async fn without_layer_every_extractor_is_500() {
    let center = center().await;
    let log = Log::start();
    let app = serve(routes()).await;
    for path in EVERY_PATH {
        for answer in [
            support::get(app.address, path, &[]).await,
            get_as(app.address, "alice-token", path).await,
            get_as(app.address, "root-token", path).await,
        ] {
            assert_eq!(answer.status, 500, "{path}");
            assert_eq!(answer.header("www-authenticate"), None, "{path}");
            assert!(!answer.body.contains("AuthLayer"), "not disclosed to the caller: {path}");
        }
        let lines = log.take();
        assert_eq!(lines.matches("no `AuthLayer` saw this request").count(), 3, "{path}: {lines}");
    }
    assert!(center.requests().is_empty());
}

#[tokio::test]
async fn excluded_path_fails_user_extractors_with_hint() {
    let center = center().await;
    let log = Log::start();
    let layer = EVERY_PATH.iter().fold(support::auth(&center), |layer, path| layer.exclude_path(path));
    let app = serve(routes().layer(layer)).await;
    for path in EVERY_PATH {
        for answer in
            [support::get(app.address, path, &[]).await, get_as(app.address, "alice-token", path).await]
        {
            let expected = if path == "/optional" { Ok("nobody") } else { Err(500) };
            assert_eq!(verdict(&answer), expected, "{path}");
        }
        let lines = log.take();
        let hinted =
            lines.contains("its path is excluded from `AuthLayer`") && lines.contains("OptionalUser");
        assert_eq!(hinted, path != "/optional", "{path}: {lines}");
    }
    assert!(center.requests().is_empty());
}

#[tokio::test]
async fn guard_outside_layer_is_500() {
    let center = center().await;
    let app = Router::new()
        .route("/x", get(|| async { "passed" }))
        .layer(support::auth(&center))
        .layer(GuardLayer::permission("report:read"));
    let app = serve(app).await;
    assert_eq!(get_as(app.address, "alice-token", "/x").await.status, 500);
}

#[tokio::test]
async fn runtime_permission_is_required_in_handler() {
    async fn export(user: CurrentUser, table: axum::extract::Path<String>) -> Result<String, AuthError> {
        user.require(&format!("{}:read", *table))?;
        Ok(format!("all of {}", *table))
    }
    let center = center().await;
    let layer = support::auth(&center).language(Language::Chinese);
    let app = serve(Router::new().route("/export/{table}", get(export)).layer(layer)).await;
    assert_eq!(verdict(&get_as(app.address, "alice-token", "/export/report").await), Ok("all of report"));
    let refused = get_as(app.address, "alice-token", "/export/salary").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json(), json!({"code": 403, "message": "权限不足", "data": null}));
    let challenge = r#"Bearer error="insufficient_scope", scope="salary:read""#;
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
}

#[tokio::test]
async fn combined_permission_is_logged_but_not_in_challenge() {
    let center = center().await;
    let log = Log::start();
    let app = serve(routes().layer(support::auth(&center))).await;
    for (path, needed) in [
        ("/nested", "(needs (report:read and (article:write or (article:edit and report:read))))"),
        ("/guard/any", "(needs (article:write or article:edit))"),
        ("/guard/all", "(needs (report:read and article:edit))"),
    ] {
        let refused = get_as(app.address, "bob-token", path).await;
        assert_eq!(
            refused.header("www-authenticate"),
            Some(r#"Bearer error="insufficient_scope""#),
            "{path}"
        );
        let lines = log.take();
        assert!(lines.contains(needed), "{path}: {lines}");
    }
}

async fn info(info: RequestInfo) -> impl IntoResponse {
    axum::Json(json!({
        "method": info.method.as_str(),
        "path": info.path,
        "matched_path": info.matched_path,
        "scheme": info.scheme,
        "client_ip": info.client_ip,
        "user_agent": info.user_agent,
        "request_id": info.request_id,
        "trace_id": info.trace_id,
    }))
}

fn informed() -> Router {
    let users = Router::new().route("/users/{id}", any(info)).fallback(info);
    Router::new().route("/info", any(info)).nest("/api", users).fallback(info)
}

#[tokio::test]
async fn request_info_has_original_path_and_matched_route() {
    let center = center().await;
    let nested = Router::new().nest(
        "/api",
        Router::new()
            .route("/users/{id}", any(info))
            .fallback(info)
            .layer(support::auth(&center).allow_anonymous()),
    );
    let layered = serve(informed().layer(support::auth(&center).allow_anonymous())).await;
    let around = serve_service(support::auth(&center).allow_anonymous().layer(informed())).await;
    let without = serve(informed()).await;
    let inside = serve(nested.route("/info", any(info)).fallback(info)).await;
    let apps: [(&str, &App); 4] =
        [("layered", &layered), ("around", &around), ("without a layer", &without), ("inside nest", &inside)];
    for (what, app) in apps {
        for (method, target, path, matched) in [
            ("GET", "/info?x=/public/", "/info", Some("/info")),
            ("PUT", "/info", "/info", Some("/info")),
            ("GET", "/api/users/7", "/api/users/7", Some("/api/users/{id}")),
            ("DELETE", "/api/users/%6de?x", "/api/users/%6de", Some("/api/users/{id}")),
            ("GET", "/api/none", "/api/none", None),
            ("GET", "/none", "/none", None),
        ] {
            let answer = support::request(app.address, method, target, &[]).await.json();
            let (seen, route) = (answer["path"].as_str(), answer["matched_path"].as_str());
            assert_eq!(answer["method"], method, "{method} {target}, {what}");
            assert_eq!((seen, route), (Some(path), matched), "{method} {target}, {what}");
        }
    }
}

#[tokio::test]
async fn forwarded_headers_count_only_from_trusted_proxies() {
    let center = center().await;
    let auth = || support::auth(&center).allow_anonymous();
    let app = |layer: AuthLayer| serve(Router::new().route("/info", get(info)).layer(layer));
    let private = app(auth()).await;
    let no_proxy = app(auth().trusted_proxies(TrustedProxies::none().with_real_ip())).await;
    let others =
        app(auth().trusted_proxies(TrustedProxies::only(["10.0.0.0/8".parse().unwrap()]).with_real_ip()))
            .await;
    let both =
        app(auth().trusted_proxies(TrustedProxies::private().and("203.0.113.0/24".parse().unwrap()))).await;
    let without = serve(Router::new().route("/info", get(info))).await;
    let nginx = app(auth().trusted_proxies(TrustedProxies::nginx())).await;
    let forwarded = ("x-forwarded-for", "1.1.1.1, 203.0.113.9");
    let https = ("x-forwarded-proto", "https");
    for (what, app, headers, ip, scheme) in [
        ("nothing said", &private, &[][..], "127.0.0.1", "http"),
        ("trusted", &private, &[forwarded, https], "203.0.113.9", "http"),
        ("trusted, without a layer", &without, &[forwarded, https], "203.0.113.9", "http"),
        ("trusted twice", &both, &[forwarded, https], "1.1.1.1", "http"),
        ("trusted for all three", &nginx, &[forwarded, https], "203.0.113.9", "https"),
        ("trusted, both said", &private, &[forwarded, ("x-real-ip", "2.2.2.2")], "203.0.113.9", "http"),
        ("trusted for both", &nginx, &[forwarded, ("x-real-ip", "2.2.2.2")], "2.2.2.2", "http"),
        (
            "trusted, nonsense said",
            &nginx,
            &[("x-real-ip", "x"), ("x-forwarded-proto", "ftp")],
            "127.0.0.1",
            "http",
        ),
        ("trusted, not an address", &private, &[("x-forwarded-for", "unknown")], "127.0.0.1", "http"),
        ("trusted, bytes", &private, &[("x-forwarded-for", "\u{e4}, 1.1.1.1")], "1.1.1.1", "http"),
        (
            "trusted, another spelling",
            &nginx,
            &[("x_real_ip", "2.2.2.2"), ("x_forwarded_for", "2.2.2.2")],
            "127.0.0.1",
            "http",
        ),
        ("no proxy trusted", &no_proxy, &[forwarded, https, ("x-real-ip", "2.2.2.2")], "127.0.0.1", "http"),
        ("others trusted", &others, &[forwarded, https, ("x-real-ip", "2.2.2.2")], "127.0.0.1", "http"),
    ] {
        let answer = support::get(app.address, "/info", headers).await.json();
        assert_eq!((&answer["client_ip"], &answer["scheme"]), (&json!(ip), &json!(scheme)), "{what}");
    }
}

/// The address that the client's connection to the proxy comes from.
const CLIENT: &str = "203.0.113.9";

/// What a proxy sends for the headers that it was sent.
type Proxy = fn(Vec<(String, String)>) -> Vec<(String, String)>;

fn set(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    headers.retain(|(other, _)| other != name);
    headers.push((name.to_owned(), value.to_owned()));
}

/// Adds to the list that came, in one line.
fn append_in_line(headers: &mut Vec<(String, String)>, value: &str) {
    let came = headers.iter().filter(|(name, _)| name == "x-forwarded-for").map(|(_, line)| &**line);
    let list = came.chain([value]).collect::<Vec<_>>().join(", ");
    set(headers, "x-forwarded-for", &list);
}

#[tokio::test]
async fn client_does_not_choose_its_address_behind_any_usual_proxy() {
    let center = center().await;
    let app = |trusted: Option<TrustedProxies>| {
        let auth = support::auth(&center).allow_anonymous();
        let auth = match trusted {
            Some(trusted) => auth.trusted_proxies(trusted),
            None => auth,
        };
        serve(Router::new().route("/info", get(info)).layer(auth))
    };
    // What each does was seen on nginx 1.22, HAProxy 2.6, Apache 2.4 and Caddy 2.6; the balancer's is what its manual says.
    let nginx: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        set(&mut headers, "x-real-ip", CLIENT);
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let nginx_without_real_ip: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        headers
    };
    let two_nginx: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        append_in_line(&mut headers, "10.0.0.2");
        set(&mut headers, "x-real-ip", "10.0.0.2");
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let haproxy: Proxy = |mut headers| {
        headers.push(("x-forwarded-for".to_owned(), CLIENT.to_owned()));
        headers
    };
    let two_haproxies: Proxy = |mut headers| {
        headers.push(("x-forwarded-for".to_owned(), CLIENT.to_owned()));
        headers.push(("x-forwarded-for".to_owned(), "10.0.0.2".to_owned()));
        headers
    };
    let caddy: Proxy = |mut headers| {
        set(&mut headers, "x-forwarded-for", CLIENT);
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let aws_alb: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let balancer_before_nginx: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        set(&mut headers, "x-real-ip", "10.0.0.2");
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let forged = ["6.6.6.6", "127.0.0.1", "10.0.0.7", "unknown", "\u{e4}", "", "6.6.6.6, 10.0.0.7"];
    for (name, proxy, preset) in [
        ("nginx", nginx, TrustedProxies::nginx()),
        ("nginx, X-Forwarded-For alone", nginx_without_real_ip, TrustedProxies::private()),
        ("two nginx", two_nginx, TrustedProxies::nginx()),
        ("HAProxy", haproxy, TrustedProxies::haproxy()),
        ("two HAProxies", two_haproxies, TrustedProxies::haproxy()),
        ("Apache", nginx_without_real_ip, TrustedProxies::apache()),
        ("Caddy", caddy, TrustedProxies::caddy()),
        ("AWS ALB", aws_alb, TrustedProxies::aws_alb()),
        ("AWS ALB, then nginx with X-Real-IP alone", balancer_before_nginx, TrustedProxies::nginx()),
    ] {
        for trusted in [None, Some(preset)] {
            let app = app(trusted.clone()).await;
            for forged in forged {
                for lines in [0, 1, 2] {
                    let forged_names = ["x-forwarded-for", "x-real-ip", "forwarded", "x_forwarded_for"];
                    let sent = forged_names
                        .iter()
                        .flat_map(|name| vec![(name.to_string(), forged.to_owned()); lines]);
                    let sent = sent.chain([("x-forwarded-proto".to_owned(), "https".to_owned())]).collect();
                    let headers = proxy(sent);
                    let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
                    let answer = support::get(app.address, "/info", &headers).await.json();
                    let seen = (&answer["client_ip"], &answer["scheme"]);
                    assert_eq!(seen, (&json!(CLIENT), &json!("http")), "{name}, {trusted:?}: {headers:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn without_connect_info_no_proxy_is_trusted() {
    use tower::ServiceExt;

    let center = center().await;
    let app = Router::new().route("/info", get(info)).layer(support::auth(&center).allow_anonymous());
    let request = Request::get("/info")
        .header("x-real-ip", "2.2.2.2")
        .header("x-forwarded-proto", "https")
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = app.oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&answer["client_ip"], &answer["scheme"]), (&json!(null), &json!("http")));
}
