use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::console::Console;
use super::error::ApiError;

/// Answers what has changed something once it is in the state file: who was told that it is done may rely on it.
pub(super) async fn stored(State(console): State<Console>, request: Request, next: Next) -> Response {
    let (hub, is_question) = (&console.hub, request.method().is_safe());
    let before = hub.version();
    let response = next.run(request).await;
    if is_question || hub.version() == before || hub.saves().saved().await {
        return response;
    }
    let text = "done, but not saved: the terminal of the center says why";
    ApiError::new(StatusCode::INSUFFICIENT_STORAGE, text).into_response()
}
