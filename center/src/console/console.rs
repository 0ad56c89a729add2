use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, watch};

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
    /// One for each page that reads events.
    pub(super) readers: Arc<Semaphore>,
}

/// Pages that read events at a time. A browser opens six connections to a host.
const READERS: usize = 32;

impl Console {
    pub(crate) fn new(hub: Arc<Hub>, token: String, url: String, stopped: watch::Receiver<bool>) -> Self {
        let readers = Arc::new(Semaphore::new(READERS));
        Self { hub, token: token.into(), url: url.into(), stopped, readers }
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

/// The name of a scheme is in any case (RFC 9110 section 11.1).
const BEARER: &[u8] = b"Bearer ";

/// Lets requests with the console's token pass. No cookie: other sites' pages cannot send it, and no other port of this host
/// gets it. Where a browser says that another site's page asks to change something, the token does not help.
pub(super) async fn authenticate(State(console): State<Console>, request: Request, next: Next) -> Response {
    let header = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
    let token = header.and_then(|value| value.split_at_checked(BEARER.len()));
    let token =
        token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER)).map_or(&[][..], |(_, token)| token);
    let is_right = aws_lc_rs::constant_time::verify_slices_are_equal(token, console.token.as_bytes()).is_ok();
    if is_right && (request.method().is_safe() || !is_from_elsewhere(request.headers())) {
        return next.run(request).await;
    }
    if is_right {
        return ApiError::new(StatusCode::FORBIDDEN, "a page of another site may change nothing here")
            .into_response();
    }
    ApiError::new(StatusCode::UNAUTHORIZED, "expected the token of the console's URL as a bearer token")
        .into_response()
}

/// Whether a browser names another origin than this port's. What is no browser names none.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let host = headers.get(HOST).map(|host| host.as_bytes());
    let authority =
        origin.as_bytes().strip_prefix(b"http://").or(origin.as_bytes().strip_prefix(b"https://"));
    authority.is_none() || authority != host
}
