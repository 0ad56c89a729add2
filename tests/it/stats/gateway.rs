//! A gateway before the auth center that refuses large bodies, as nginx does.

use std::net::SocketAddr;

use aigc_auth::testing::AuthCenter;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::response::IntoResponse;
use http::StatusCode;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST};

use crate::support::{App, post, serve};

/// Starts a gateway that answers 413 to bodies of more than so many bytes.
pub(crate) async fn gateway(center: &AuthCenter, limit: usize) -> App {
    let url: http::Uri = center.url().parse().unwrap();
    let address: SocketAddr = url.authority().unwrap().as_str().parse().unwrap();
    serve(Router::new().fallback(move |request: Request| forward(address, limit, request))).await
}

async fn forward(center: SocketAddr, limit: usize, request: Request) -> impl IntoResponse {
    let (head, body) = request.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap();
    if body.len() > limit {
        return (StatusCode::PAYLOAD_TOO_LARGE, "<html>413 Request Entity Too Large</html>".to_owned());
    }
    let headers = head.headers.iter().filter(|(name, _)| ![CONNECTION, CONTENT_LENGTH, HOST].contains(name));
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let answer = post(center, head.uri.path(), &headers, body).await;
    (StatusCode::from_u16(answer.status).unwrap(), answer.body)
}
