//! The request context while an admin acts as another user.

use aigc_auth::context::{self, InContext};
use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::{ActAsUser, AuthLayer};
use axum::extract::{FromRequestParts, Request};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::impersonation::support::{FakeDirectory, HEADER, TokenVerifier, request};
use crate::support::{self, exchange_bytes, serve};

fn snapshot() -> Value {
    let current = context::current();
    json!({
        "user": context::current_user().map(|user| user.username().to_string()),
        "id": context::current_user_id(),
        "name": context::current_username(),
        "admin": context::is_current_user_admin(),
        "actor": context::actor().map(|user| user.username().to_string()),
        "acting": current.as_ref().is_some_and(context::RequestContext::is_impersonating),
        "token": context::credential().map(|token| token.as_str().to_owned()),
        "of_context": current.and_then(|current| Some(current.user()?.username().to_string())),
    })
}

fn layer(policy: ActAsPolicy) -> AuthLayer {
    AuthLayer::tokens_only(TokenVerifier::new()).act_as(policy)
}

fn with_directory() -> AuthLayer {
    layer(ActAsPolicy::new().directory(FakeDirectory::new()))
}

async fn extract(request: Request) -> Result<(), aigc_auth::AuthError> {
    let (mut parts, _) = request.into_parts();
    ActAsUser::from_request_parts(&mut parts, &()).await.map(|_| ())
}

/// The context before and after the extraction, and in tasks that were started before and after it.
async fn before_and_after(request: Request) -> Json<Value> {
    let before = snapshot();
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let early = tokio::spawn(async { gone.await.map(|()| snapshot()) }.in_current_context());
    let lost = tokio::spawn(async { snapshot() });
    let granted = extract(request).await.is_ok();
    go.send(()).unwrap();
    let late = tokio::spawn(async { snapshot() }.in_current_context());
    Json(json!({
        "granted": granted,
        "before": before,
        "after": snapshot(),
        "early": early.await.unwrap().unwrap(),
        "late": late.await.unwrap(),
        "lost": lost.await.unwrap(),
    }))
}

#[tokio::test]
async fn context_switches_to_target_after_extractor() {
    let app = |layer| serve(Router::new().route("/", get(before_and_after)).layer(layer));
    let known = app(with_directory()).await;
    let unknown = app(layer(ActAsPolicy::new().insecure_any_target())).await;
    let admin = app(layer(ActAsPolicy::new().directory(FakeDirectory::new()).allow_admin_targets())).await;
    let of = |name: &str, id: &Value, admin: bool, actor: &str, acting: bool| {
        let token = format!("{actor}-token");
        json!({
            "user": name, "id": id, "name": name, "admin": admin, "actor": actor, "acting": acting, "token": token,
            "of_context": name,
        })
    };
    let nothing = json!({
        "user": null, "id": null, "name": null, "admin": false, "actor": null, "acting": false, "token": null,
        "of_context": null,
    });
    let root = of("root", &json!(1), true, "root", false);
    let mut only_id = of("", &json!(7), false, "root", true);
    for field in ["user", "name", "of_context"] {
        only_id[field] = Value::Null;
    }
    let bob = of("bob", &json!("u-8"), false, "bob", false);
    for (what, app, credential, target, granted, before, after) in [
        ("alice", &known, "root", "7", true, &root, &of("alice", &json!(7), false, "root", true)),
        ("bob", &known, "root", "u-8", true, &root, &of("bob", &json!("u-8"), false, "root", true)),
        ("an admin", &admin, "root", "2", true, &root, &of("eve", &json!(2), true, "root", true)),
        ("an id", &unknown, "root", "7", true, &root, &only_id),
        ("the admin", &known, "root", "1", true, &root, &root),
        ("no target", &known, "root", "", true, &root, &root),
        ("an admin, refused", &known, "root", "2", false, &root, &root),
        ("unknown", &known, "root", "9", false, &root, &root),
        ("no admin", &known, "bob", "7", false, &bob, &bob),
    ] {
        let credential = format!("Bearer {credential}-token");
        let headers = [("authorization", &*credential), (HEADER, target)];
        let expected = json!({
            "granted": granted, "before": before, "after": after, "early": after, "late": after, "lost": nothing,
        });
        assert_eq!(support::get(app.address, "/", &headers).await.json(), expected, "{what}");
    }
    assert_eq!(snapshot(), nothing, "and nothing outside a request");
}

/// Yields to other requests again and again, and lists the users that the context held meanwhile.
async fn names(user: ActAsUser) -> String {
    let mut names = vec![user.user_id().to_string()];
    for _ in 0..50 {
        let id = context::current_user_id().map(|id| id.to_string()).unwrap_or_default();
        let actor = context::actor().map(|user| user.username().to_string()).unwrap_or_default();
        let name = format!("{id} by {actor}");
        if names.last() != Some(&name) {
            names.push(name);
        }
        tokio::task::yield_now().await;
    }
    names.join(", ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn concurrent_requests_keep_separate_contexts() {
    let app = Router::new().route("/", get(names)).layer(with_directory());
    let mut requests = JoinSet::new();
    let cases = [
        ("root", Some("7"), "7, 7 by root"),
        ("root", Some("u-8"), "u-8, u-8 by root"),
        ("root", None, "1, 1 by root"),
        ("eve", Some("7"), "7, 7 by eve"),
        ("alice", None, "7, 7 by alice"),
    ];
    for (name, target, expected) in cases.into_iter().cycle().take(50) {
        let answer = app.clone().oneshot(request(&format!("{name}-token"), target));
        requests.spawn(async move {
            let answer = answer.await.unwrap();
            (expected, axum::body::to_bytes(answer.into_body(), 1024).await.unwrap())
        });
    }
    while let Some(answer) = requests.join_next().await {
        let (expected, names) = answer.unwrap();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn next_request_on_connection_is_not_impersonated() {
    let app = serve(Router::new().route("/", get(names)).layer(with_directory())).await;
    let get = |headers: &str| {
        format!("GET / HTTP/1.1\r\nhost: test\r\nauthorization: Bearer root-token\r\n{headers}\r\n")
    };
    let requests = [
        get("x-act-as-user-id: 7\r\n"),
        get(""),
        get("x-act-as-user-id: u-8\r\n"),
        get("connection: close\r\n"),
    ];
    let answers = exchange_bytes(app.address, requests.concat().as_bytes()).await;
    let answers = String::from_utf8(answers).unwrap();
    let bodies =
        answers.split("HTTP/1.1 200 OK\r\n").skip(1).map(|answer| answer.split_once("\r\n\r\n").unwrap().1);
    assert_eq!(
        bodies.collect::<Vec<_>>(),
        ["7, 7 by root", "1, 1 by root", "u-8, u-8 by root", "1, 1 by root"]
    );
}
