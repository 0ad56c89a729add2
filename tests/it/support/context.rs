//! What the request context holds, as JSON.

use aigc_auth::context;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

/// Every value of the current context.
pub(crate) fn snapshot() -> Value {
    json!({
        "user": context::current_user().map(|user| user.username().to_string()),
        "user_id": context::current_user_id(),
        "username": context::current_username(),
        "admin": context::is_current_user_admin(),
        "client_ip": context::client_ip(),
        "user_agent": context::user_agent(),
        "request_id": context::request_id(),
        "trace_id": context::trace_id(),
        "token": context::credential().map(|token| token.as_str().to_owned()),
        "app_id": context::app_id(),
    })
}

/// [`snapshot`] outside a request.
pub(crate) fn empty_snapshot() -> Value {
    json!({
        "user": null, "user_id": null, "username": null, "admin": false, "client_ip": null, "user_agent": null,
        "request_id": null, "trace_id": null, "token": null, "app_id": null,
    })
}

/// A `GET` of this path with this token, for a service that is called without a socket.
pub(crate) fn request_with_token(path: &str, token: &str) -> Request<Body> {
    Request::get(path).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}
