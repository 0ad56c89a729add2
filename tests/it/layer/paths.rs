//! Which paths need a credential, for every way of putting the layer into an app.

use aigc_auth::{AuthLayer, CurrentUser};
use axum::extract::Path;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::routing::{any, get};
use axum::{Router, body::Body};
use http::{Method, header};
use tower::Layer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::normalize_path::NormalizePathLayer;

use crate::support::{self, App, Log, center, get_as, serve, serve_service};

async fn me(user: CurrentUser) -> String {
    format!("me: {}", user.username())
}

async fn rest(Path(rest): Path<String>) -> String {
    format!("rest: {rest}")
}

async fn id(Path(id): Path<String>) -> String {
    format!("id: {id}")
}

/// A handler that needs no user and says which one it is.
fn says(what: &'static str) -> impl Handler<((),), ()> {
    move || async move { what }
}

fn not_found(what: &'static str) -> impl Handler<((),), ()> {
    move || async move { (StatusCode::NOT_FOUND, what) }
}

fn routes() -> Router {
    let auth = Router::new().route("/me", get(says("api me"))).route("/{id}", get(id));
    let api = Router::new()
        .route("/health", get(says("api health")))
        .nest("/auth", auth)
        .fallback(not_found("fallback of api"));
    Router::new()
        .route("/health", get(says("health")))
        .route("/public", get(says("public")))
        .route("/public/{*rest}", get(rest))
        .route("/publicity", get(says("publicity")))
        .route("/admin", get(says("admin")))
        .route("/me", get(me))
        .nest("/api", api)
        .fallback(not_found("fallback"))
}

fn exclusions(layer: AuthLayer) -> AuthLayer {
    layer.exclude_path("/health").exclude_prefix("/public").exclude_path("/api/auth/me")
}

/// A target, the status without a credential, and the answer to alice.
type Row = (&'static str, u16, (u16, &'static str));

/// The same whether the layer is `Router::layer` or goes around the whole router.
const AROUND: &[Row] = &[
    ("/health", 200, (200, "health")),
    ("/health?verbose", 200, (200, "health")),
    ("/health/", 401, (404, "fallback")),
    ("/HEALTH", 401, (404, "fallback")),
    ("/%68ealth", 401, (404, "fallback")),
    ("/public", 200, (200, "public")),
    ("/public/hello", 200, (200, "rest: hello")),
    ("/public/", 404, (404, "fallback")),
    ("/publicity", 401, (200, "publicity")),
    ("/public%2Fx", 401, (404, "fallback")),
    ("/public/x%2f..%2f..%2fadmin", 401, (200, "rest: x/../../admin")),
    ("/public/../admin", 401, (200, "rest: ../admin")),
    ("/public/%2e%2e/admin", 401, (200, "rest: ../admin")),
    ("/public/..;/admin", 401, (200, "rest: ..;/admin")),
    ("/public//admin", 401, (200, "rest: /admin")),
    ("//public", 401, (404, "fallback")),
    ("//public/hello", 401, (404, "fallback")),
    ("/me", 401, (200, "me: alice")),
    ("/me?x=/public/", 401, (200, "me: alice")),
    ("/me?/health", 401, (200, "me: alice")),
    ("/none", 401, (404, "fallback")),
    // The end of a path is not the path.
    ("/api/health", 401, (200, "api health")),
    // One handler's name is another's value, once decoded.
    ("/api/auth/me", 200, (200, "api me")),
    ("/api/auth/%6de", 401, (200, "id: me")),
    ("/api/auth/7", 401, (200, "id: 7")),
    ("/api/auth/a/b", 401, (404, "fallback of api")),
    // A proxy's form, whose host is not the path either.
    ("http://elsewhere.test/health", 200, (200, "health")),
    ("http://elsewhere.test/me", 401, (200, "me: alice")),
    ("http://elsewhere.test/public/../admin", 401, (200, "rest: ../admin")),
    ("http://public/me", 401, (200, "me: alice")),
];

/// The layer covers what is nested at `/api`, and excludes `/api/open` as the client writes it.
const INSIDE_NEST: &[Row] = &[
    ("/api/open", 200, (200, "open")),
    ("/api/open/", 401, (404, "fallback of api")),
    ("/api/health", 401, (200, "api health")),
    ("/api/none", 401, (404, "fallback of api")),
    ("/api/deep/open", 401, (200, "deep open")),
    ("/api/deep/shut", 200, (200, "deep shut")),
    ("/outside", 200, (200, "outside")),
];

const LATE: &[Row] = &[
    ("/early", 401, (200, "early")),
    ("/late", 200, (200, "late")),
    ("/late/me", 500, (500, LAYER_MISSING)),
    ("/merged", 200, (200, "merged")),
    ("/merged/me", 500, (500, LAYER_MISSING)),
    ("/none", 404, (404, "late fallback")),
];

const LATE_FALLBACK_ASKS: &[Row] = &[
    ("/early", 401, (200, "early")),
    ("/none", 500, (500, LAYER_MISSING)),
    ("/", 500, (500, LAYER_MISSING)),
];

const LAYER_FIRST: &[Row] =
    &[("/me", 500, (500, LAYER_MISSING)), ("/admin", 200, (200, "admin")), ("/none", 401, (404, ""))];

const NORMALIZED_OUTSIDE: &[Row] = &[
    ("/health", 200, (200, "health")),
    ("/health/", 200, (200, "health")),
    ("/publicity/", 401, (200, "publicity")),
    ("/admin/health/", 401, (404, "fallback")),
    ("/me/", 401, (200, "me: alice")),
    ("/HEALTH/", 401, (404, "fallback")),
];

const LAYER_MISSING: &str = r#"{"code":500,"message":"The service is misconfigured","data":null}"#;

#[tokio::test]
async fn exclusions_hold_in_every_router_layout() {
    let center = center().await;
    let layer = || exclusions(support::auth(&center));

    let open = |path: &str| support::auth(&center).exclude_path("/health").exclude_path(path);
    let inside = Router::new()
        .route("/open", get(says("open")))
        .route("/health", get(says("api health")))
        .nest(
            "/deep",
            Router::new().route("/open", get(says("deep open"))).route("/shut", get(says("deep shut"))),
        )
        .fallback(not_found("fallback of api"))
        .layer(open("/api/open").exclude_path("/api/deep/shut").exclude_path("/deep/open"));

    let late = Router::new()
        .route("/early", get(says("early")))
        .layer(layer())
        .route("/late", get(says("late")))
        .route("/late/me", get(me))
        .merge(Router::new().route("/merged", get(says("merged"))).route("/merged/me", get(me)))
        .fallback(not_found("late fallback"));

    let early = Router::new().route("/early", get(says("early"))).layer(layer());

    let layouts: [(&str, App, &[Row]); 8] = [
        ("Router::layer", serve(routes().layer(layer())).await, AROUND),
        ("around the Router", serve_service(layer().layer(routes())).await, AROUND),
        ("merged into another", serve(Router::new().merge(routes().layer(layer()))).await, AROUND),
        (
            "inside nest",
            serve(Router::new().nest("/api", inside).route("/outside", get(says("outside")))).await,
            INSIDE_NEST,
        ),
        ("added after the layer", serve(late).await, LATE),
        ("a late fallback that asks", serve(early.fallback(me)).await, LATE_FALLBACK_ASKS),
        (
            "layer before route",
            serve(Router::new().layer(layer()).route("/me", get(me)).route("/admin", get(says("admin"))))
                .await,
            LAYER_FIRST,
        ),
        (
            "NormalizePath outside",
            serve_service(NormalizePathLayer::trim_trailing_slash().layer(routes().layer(layer()))).await,
            NORMALIZED_OUTSIDE,
        ),
    ];
    for (layout, app, rows) in &layouts {
        for (target, unauthenticated, (status, body)) in *rows {
            let answer = support::get(app.address, target, &[]).await;
            assert_eq!(answer.status, *unauthenticated, "without a credential at {target}, {layout}");
            let answer = get_as(app.address, "alice-token", target).await;
            assert_eq!((answer.status, &*answer.body), (*status, *body), "alice at {target}, {layout}");
        }
    }
}

#[tokio::test]
async fn missing_layer_is_logged_but_not_disclosed() {
    let log = Log::start();
    let app = serve(Router::new().route("/me", get(me))).await;
    let answer = get_as(app.address, "hunter2", "/me").await;
    assert_eq!((answer.status, &*answer.body), (500, LAYER_MISSING));
    assert_eq!(answer.header("www-authenticate"), None);
    let log = log.take();
    assert!(log.contains("ERROR") && log.contains("no `AuthLayer` saw this request"), "{log}");
    assert!(log.contains(".layer(AuthLayer::new(..))"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test]
async fn excluded_path_makes_no_center_call() {
    let center = center().await;
    let app = serve(routes().layer(exclusions(support::auth(&center)))).await;
    for credential in ["alice-token", "unknown", "ak_unknown", "", "b a d", "ü"] {
        assert_eq!(get_as(app.address, credential, "/health").await.status, 200, "{credential:?}");
    }
    assert!(center.requests().is_empty());
}

const ORIGIN: (&str, &str) = ("origin", "https://app.test");
const ALLOWED: &str = "access-control-allow-origin";

fn cors() -> CorsLayer {
    CorsLayer::new().allow_origin(Any).allow_methods([Method::GET]).allow_headers([header::AUTHORIZATION])
}

#[tokio::test]
async fn cors_layer_outside_answers_preflight_and_401() {
    let center = center().await;
    let app = serve(routes().layer(support::auth(&center)).layer(cors())).await;
    let preflight = [ORIGIN, ("access-control-request-method", "GET")];
    let answer = support::request(app.address, "OPTIONS", "/me", &preflight).await;
    assert_eq!((answer.status, answer.header(ALLOWED)), (200, Some("*")));
    let refused = support::get(app.address, "/me", &[ORIGIN]).await;
    assert_eq!((refused.status, refused.header(ALLOWED)), (401, Some("*")));
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    let token = ("authorization", "Bearer alice-token");
    let answer = support::get(app.address, "/me", &[ORIGIN, token]).await;
    assert_eq!((answer.status, answer.header(ALLOWED)), (200, Some("*")));
    assert_eq!(center.calls("/user/info"), 1);
}

#[tokio::test]
async fn allow_preflight_passes_preflight_only() {
    let center = center().await;
    let routes = || Router::new().route("/me", any(me)).layer(cors());
    let strict = serve(routes().layer(support::auth(&center))).await;
    let allowing = serve(routes().layer(support::auth(&center).allow_preflight())).await;
    let requested = ("access-control-request-method", "GET");
    for (what, method, headers, under_strict, under_allowing) in [
        ("a preflight", "OPTIONS", &[ORIGIN, requested][..], 401, 200),
        ("an OPTIONS without a method", "OPTIONS", &[ORIGIN], 401, 401),
        ("an OPTIONS without an origin", "OPTIONS", &[requested], 401, 401),
        ("a bare OPTIONS", "OPTIONS", &[], 401, 401),
        ("a GET dressed as a preflight", "GET", &[ORIGIN, requested], 401, 401),
        ("a POST dressed as a preflight", "POST", &[ORIGIN, requested], 401, 401),
        ("a lower-case method", "options", &[ORIGIN, requested], 401, 401),
    ] {
        for (app, expected) in [(&strict, under_strict), (&allowing, under_allowing)] {
            let answer = support::request(app.address, method, "/me", headers).await;
            assert_eq!(answer.status, expected, "{what}");
            let allowed = (expected == 200).then_some("*");
            assert_eq!(answer.header(ALLOWED), allowed, "{what}");
        }
    }
}

/// Why the guide wants a CORS layer inside of `allow_preflight`.
#[tokio::test]
async fn passed_preflight_runs_handler_of_options_unless_cors_layer_answers() {
    let center = center().await;
    let routes = || Router::new().route("/any", any(says("the handler"))).route("/get", get(says("get")));
    let auth = || support::auth(&center).allow_preflight();
    let preflight = [ORIGIN, ("access-control-request-method", "GET")];
    for (what, app, path, expected) in [
        ("no CORS layer", serve(routes().layer(auth())).await, "/any", (200, "the handler")),
        ("no CORS layer", serve(routes().layer(auth())).await, "/get", (405, "")),
        ("CORS inside", serve(routes().layer(cors()).layer(auth())).await, "/any", (200, "")),
        ("CORS outside", serve(routes().layer(auth()).layer(cors())).await, "/any", (200, "")),
    ] {
        let answer = support::request(app.address, "OPTIONS", path, &preflight).await;
        assert_eq!((answer.status, &*answer.body), expected, "{path}, {what}");
    }
}

#[tokio::test]
async fn passed_preflight_is_not_authenticated() {
    let center = center().await;
    let app = Router::new().route("/me", any(me)).layer(support::auth(&center).allow_preflight());
    let app = serve(app).await;
    let headers = [ORIGIN, ("access-control-request-method", "GET"), ("authorization", "Bearer alice-token")];
    let answer = support::request(app.address, "OPTIONS", "/me", &headers).await;
    assert_eq!((answer.status, &*answer.body), (500, LAYER_MISSING));
}

#[tokio::test]
async fn asterisk_and_authority_targets_are_protected() {
    let center = center().await;
    let app = serve(
        Router::<()>::new()
            .fallback(any(|| async { Body::empty() }))
            .layer(exclusions(support::auth(&center))),
    )
    .await;
    for (method, target) in [("OPTIONS", "*"), ("CONNECT", "elsewhere.test:443")] {
        let answer = support::request(app.address, method, target, &[]).await;
        assert_eq!(answer.status, 401, "{method} {target}");
    }
}
