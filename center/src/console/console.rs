use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

use super::error::ApiError;
use crate::hub::Hub;

/// What the console's handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    pub(super) hub: Arc<Hub>,
    token: Arc<str>,
    /// Of the center, without the path of the protocol.
    pub(super) url: Arc<str>,
    /// Ends the streams of events, which would hold the program up.
    pub(super) stopped: watch::Receiver<bool>,
}

impl Console {
    pub(crate) fn new(hub: Arc<Hub>, token: String, url: String, stopped: watch::Receiver<bool>) -> Self {
        Self { hub, token: token.into(), url: url.into(), stopped }
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

/// Lets requests with the console's token pass. No cookie: other sites' pages cannot send it.
pub(super) async fn authenticate(State(console): State<Console>, request: Request, next: Next) -> Response {
    let header = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
    let token = header.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
    let is_right = aws_lc_rs::constant_time::verify_slices_are_equal(token, console.token.as_bytes()).is_ok();
    if is_right {
        return next.run(request).await;
    }
    ApiError::new(StatusCode::UNAUTHORIZED, "expected the token of the console's URL as a bearer token")
        .into_response()
}
