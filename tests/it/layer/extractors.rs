//! Extractors and guards, and what each answers to which caller.

use aigc_auth::error::{ErrorKind, Language};
use aigc_auth::layer::GuardLayer;
use aigc_auth::permission::{AllOf, AnyOf};
use aigc_auth::testing::Fault;
use aigc_auth::{
    AuthError, AuthLayer, CurrentUser, OptionalUser, RequireAdmin, RequireGroup, RequirePermission,
    RequireRole, groups, permissions, roles,
};
use axum::Router;
use axum::middleware::from_extractor;
use axum::routing::get;
use serde_json::json;

use crate::support::{self, Log, center, get_as, serve, verdict};

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
