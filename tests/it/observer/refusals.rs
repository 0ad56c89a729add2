use aigc_auth::layer::{CredentialSource, GuardLayer};
use aigc_auth::{AuthLayer, CurrentUser, RequirePermission, permissions};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use tower::ServiceExt;

use super::support::Notes;
use crate::support::rig::{KEY, Rig, TOKEN};

permissions! {
    ReadReports = "report:read";
    Purge = "report:purge";
}

fn app(layer: AuthLayer) -> Router {
    Router::new()
        .route("/me", get(|_: CurrentUser| async {}))
        .route("/read", get(|_: RequirePermission<ReadReports>| async {}))
        .route("/purge", get(|_: RequirePermission<Purge>| async {}))
        .route("/own", get(|user: CurrentUser| async move { user.require("own:code") }))
        .route("/mapped", get(|user: CurrentUser| async move { user.require("own:code").map_err(|_| "no") }))
        .route("/guarded", get(|| async {}).route_layer(GuardLayer::role("editor")))
        .layer(layer)
}

async fn send(app: &Router, path: &str, headers: &[(&str, &str)]) -> u16 {
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
}

fn refusals(notes: &Notes) -> Vec<String> {
    notes.lines().into_iter().filter(|line| line.starts_with("refused")).collect()
}

#[tokio::test]
async fn each_refusal_says_what_was_sent() {
    let notes = Notes::default();
    let rig = Rig::with(|builder| builder.observer(notes.clone())).await;
    let app = app(AuthLayer::new(rig.client.clone()));
    let bearer = |credential: &str| format!("Bearer {credential}");
    let long = bearer(&"x".repeat(9_000));
    for (path, authorization, status, expected) in [
        ("/me", None, 401, Some("missing_credential layer none")),
        ("/me", Some("Basic c2VjcmV0"), 401, Some("missing_credential layer basic")),
        ("/me", Some("Token t"), 401, Some("missing_credential layer token")),
        ("/me", Some("DPoP t"), 401, Some("missing_credential layer other_scheme")),
        ("/me", Some("t"), 401, Some("missing_credential layer no_scheme")),
        ("/me", Some("Bearer "), 401, Some("invalid_credential layer bearer")),
        ("/me", Some("Bearer nobody"), 401, Some("invalid_credential layer bearer")),
        ("/me", Some("Bearer nobody"), 401, Some("invalid_credential layer bearer")),
        ("/me", Some("Bearer ak_nobody"), 401, Some("invalid_credential layer access_key")),
        ("/me", Some(&*long), 431, Some("credential_too_large layer bearer")),
        ("/me", Some(&*bearer(TOKEN)), 200, None),
        ("/read", Some(&*bearer(TOKEN)), 200, None),
        ("/purge", Some(&*bearer(TOKEN)), 403, Some("missing_permission handler bearer report:purge")),
        ("/purge", Some(&*bearer(KEY)), 403, Some("missing_permission handler access_key report:purge")),
        ("/own", Some(&*bearer(TOKEN)), 403, Some("missing_permission handler bearer own:code")),
        ("/guarded", Some(&*bearer(TOKEN)), 403, Some("missing_permission handler bearer role editor")),
        // What a handler answers itself is no refusal of this crate.
        ("/mapped", Some(&*bearer(TOKEN)), 200, None),
    ] {
        let headers: Vec<_> = authorization.into_iter().map(|value| ("authorization", value)).collect();
        assert_eq!(send(&app, path, &headers).await, status, "{path} {authorization:?}");
        let expected: Vec<_> = expected.into_iter().map(|expected| format!("refused {expected}")).collect();
        assert_eq!(refusals(&notes), expected, "{path} {authorization:?}");
    }
    let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
    assert_eq!(send(&app, "/me", &twice).await, 401);
    assert_eq!(refusals(&notes), ["refused invalid_credential layer several"]);
}

#[tokio::test]
async fn other_sources_are_told_apart() {
    let notes = Notes::default();
    let rig = Rig::with(|builder| builder.observer(notes.clone())).await;
    let app = app(AuthLayer::new(rig.client.clone()).credentials_from([
        CredentialSource::authorization(),
        CredentialSource::cookie("session").insecure_any_origin(),
        CredentialSource::header("x-token"),
        CredentialSource::query("token").any_request(),
    ]));
    let cookie = format!("session={TOKEN}");
    for (path, headers, status, expected) in [
        ("/me", vec![], 401, "missing_credential layer none"),
        ("/me", vec![("cookie", "session=nobody")], 401, "invalid_credential layer cookie"),
        ("/me", vec![("cookie", "other=nobody")], 401, "missing_credential layer none"),
        ("/me", vec![("x-token", "nobody")], 401, "invalid_credential layer header"),
        ("/me?token=nobody", vec![], 401, "invalid_credential layer query"),
        (
            "/me",
            vec![("authorization", "Basic x"), ("cookie", "session=nobody")],
            401,
            "invalid_credential layer basic",
        ),
        ("/purge", vec![("cookie", &*cookie)], 403, "missing_permission handler bearer report:purge"),
    ] {
        assert_eq!(send(&app, path, &headers).await, status, "{path} {headers:?}");
        assert_eq!(refusals(&notes), [format!("refused {expected}")], "{path} {headers:?}");
    }
}

/// Where the layer lets everybody through, an extractor refuses, and knows what was sent all the same.
#[tokio::test]
async fn refusals_after_anonymous_access_are_the_handlers() {
    let notes = Notes::default();
    let rig = Rig::with(|builder| builder.observer(notes.clone())).await;
    let app = app(AuthLayer::new(rig.client.clone()).allow_anonymous());
    for (authorization, expected) in [
        (None, "missing_credential handler none"),
        (Some("Basic x"), "missing_credential handler basic"),
        // Looked up, and then from the cache.
        (Some("Bearer nobody"), "invalid_credential handler bearer"),
        (Some("Bearer nobody"), "invalid_credential handler bearer"),
    ] {
        let headers: Vec<_> = authorization.into_iter().map(|value| ("authorization", value)).collect();
        assert_eq!(send(&app, "/me", &headers).await, 401, "{authorization:?}");
        assert_eq!(refusals(&notes), [format!("refused {expected}")], "{authorization:?}");
    }
}

/// A responder that asks for the default answer tells nothing a second time.
#[tokio::test]
async fn responder_of_its_own_is_told_once() {
    use aigc_auth::error::ErrorResponder;
    use axum::response::IntoResponse;

    let notes = Notes::default();
    let rig = Rig::with(|builder| builder.observer(notes.clone())).await;
    let responder = ErrorResponder::new(|refusal| refusal.error().clone().into_response());
    let app = app(AuthLayer::new(rig.client.clone()).error_responder(responder));
    assert_eq!(send(&app, "/me", &[]).await, 401);
    assert_eq!(refusals(&notes), ["refused missing_credential layer none"]);
}
