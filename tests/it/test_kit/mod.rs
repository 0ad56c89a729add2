//! What services test themselves with: callers without an auth center, usage records, outages.

// Who is signed in, and what the layer in place of the `AuthLayer` can be told.
mod callers;
// Handlers that are called as functions.
mod functions;
// An outage in one line.
mod outage;
// One app with several users by token, and the usage records of it.
mod users;

use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;

/// Sends a request to an app, without a server: the status and the body.
async fn ask(app: &Router, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
