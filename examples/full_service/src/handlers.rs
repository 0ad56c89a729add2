//! What most routes do: users, permissions, the request's context, calls in the user's name, prices.

use std::fmt::Display;
use std::time::Duration;

use aigc_auth::outbound::OutboundClient;
use aigc_auth::permission::AnyOf;
use aigc_auth::webhook::{HandlerError, UserEvent};
use aigc_auth::{
    ActAsUser, CurrentUser, OptionalUser, RequireAdmin, RequirePermission, UserInfo, context, permissions,
};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

permissions! {
    /// Read reports.
    pub ReadReports = "report:read";
    /// Write articles.
    pub WriteArticle = "article:write";
    /// Edit the articles of others.
    pub EditArticle = "article:edit";
}

#[utoipa::path(get, path = "/health", responses((status = 200, description = "It serves.", body = String)))]
pub(crate) async fn health() -> &'static str {
    "ok\n"
}

#[utoipa::path(get, path = "/public/hello", responses((status = 200, description = "A greeting.", body = String)))]
pub(crate) async fn hello() -> &'static str {
    "hello, world\n"
}

#[utoipa::path(get, path = "/me", responses((status = 200, description = "The user.", body = UserInfo)))]
pub(crate) async fn me(user: CurrentUser) -> Json<UserInfo> {
    Json(user.into_inner())
}

#[utoipa::path(get, path = "/maybe", responses((status = 200, description = "The user, if there is one.", body = Value)))]
pub(crate) async fn maybe(OptionalUser(user): OptionalUser) -> Json<Value> {
    Json(json!({ "user": user }))
}

#[utoipa::path(get, path = "/reports", responses((status = 200, description = "The reports.", body = String)))]
pub(crate) async fn reports(user: RequirePermission<ReadReports>) -> String {
    format!("reports for {}\n", user.username())
}

#[utoipa::path(get, path = "/editor", responses((status = 200, description = "A greeting.", body = String)))]
pub(crate) async fn editor(user: RequirePermission<AnyOf<(WriteArticle, EditArticle)>>) -> String {
    format!("{} may edit\n", user.username())
}

#[utoipa::path(get, path = "/admin", responses((status = 200, description = "A greeting.", body = String)))]
pub(crate) async fn admin(user: RequireAdmin) -> String {
    format!("{} is an admin\n", user.username())
}

/// For an admin with `X-Act-As-User-Id`, that user.
#[utoipa::path(get, path = "/act-as", responses((status = 200, description = "Who acts, and for whom.", body = Value)))]
pub(crate) async fn act_as(who: ActAsUser) -> Json<Value> {
    Json(json!({ "actor": who.actor().id(), "subject": who.user_id() }))
}

/// What [`relay`] calls, and by what.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) outbound: OutboundClient,
    pub(crate) me_there: String,
}

/// Calls another service in the user's name: here it is this one.
#[utoipa::path(get, path = "/relay", responses((status = 200, description = "The user, as the other service sees them.", body = Value), (status = 502, description = "It does not answer.")))]
pub(crate) async fn relay(
    State(Relay { outbound, me_there: url }): State<Relay>,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    let answer = outbound.get(url).send().await.map_err(|error| failed(&error))?;
    let status = answer.status();
    Ok((status, Json(answer.json().await.map_err(|error| failed(&error))?)))
}

/// What callers see where another service does not answer.
pub(crate) fn failed(error: &dyn Display) -> StatusCode {
    tracing::warn!(%error, "the other service did not answer");
    StatusCode::BAD_GATEWAY
}

/// Reads the request's context two calls deep, without an argument for it.
#[utoipa::path(get, path = "/context", responses((status = 200, description = "The context.", body = Value)))]
pub(crate) async fn request_context() -> Json<Value> {
    async fn two_calls_deep() -> Value {
        json!({
            "user_id": context::current_user_id(),
            "username": context::current_username(),
            "client_ip": context::client_ip(),
            "user_agent": context::user_agent(),
            "trace_id": context::trace_id(),
            "request_id": context::request_id(),
        })
    }
    async fn one_call_deep() -> Value {
        two_calls_deep().await
    }
    Json(one_call_deep().await)
}

/// The auth center makes billing rules from these headers.
#[utoipa::path(post, path = "/chat", responses((status = 200, description = "The reply.", body = Value)))]
pub(crate) async fn chat(user: CurrentUser) -> impl IntoResponse {
    let billing = [
        (HeaderName::from_static("x-match-dynamic"), "1"),
        (HeaderName::from_static("x-match-cost"), "0.0035"),
        (HeaderName::from_static("x-match-path"), "/chat"),
        (HeaderName::from_static("x-match-rule"), "chat"),
    ];
    (billing, Json(json!({ "reply": format!("hello, {}", user.username()) })))
}

pub(crate) async fn moved() -> impl IntoResponse {
    (StatusCode::FOUND, [(header::LOCATION, "/me")])
}

pub(crate) async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "at last\n"
}

pub(crate) async fn boom() -> &'static str {
    panic!("a bug in a handler hurts one request")
}

/// The cached user has been invalidated already.
pub(crate) async fn on_event(event: UserEvent) -> Result<Value, HandlerError> {
    let username = event.user().and_then(|user| user.username());
    tracing::info!(event = event.name(), username, updated = ?event.updated_fields(), "the auth center reports");
    Ok(json!({ "success": true }))
}
