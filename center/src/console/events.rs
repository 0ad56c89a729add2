//! Stream what happens, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::json;

use super::console::Console;
use super::error::ApiError;

/// How long events are gathered: a page that is told a thousand things a second one by one does nothing else.
const INTERVAL: Duration = Duration::from_millis(100);
/// Events in a message.
const MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
pub(super) struct After {
    after: Option<u64>,
}

/// Sends `{"missed": number, "events": […]}` each 100 ms in which something happened, from the event after `Last-Event-ID`,
/// else after `?after=`, else from now on. The id of a message is that of its last event.
pub(super) async fn stream(
    State(console): State<Console>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let too_many =
        || ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too many pages read the events: close some");
    let reader = Arc::clone(&console.readers).try_acquire_owned().map_err(|_| too_many())?;
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let first = resumed.or(after).unwrap_or_else(|| console.hub.events().last());
    let messages = stream::unfold((console, reader, first), |(mut console, reader, last)| async move {
        loop {
            if *console.stopped.borrow() {
                return None;
            }
            let batch = console.hub.events().after(last, MAX);
            if let Some(id) = batch.events.last().map(|event| event.id) {
                let data = json!({"missed": batch.missed, "events": batch.events});
                let message = Event::default().id(id.to_string()).data(data.to_string());
                pause(&mut console).await;
                return Some((Ok(message), (console, reader, id)));
            }
            pause(&mut console).await;
        }
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::default()))
}

async fn pause(console: &mut Console) {
    let stopped = console.stopped.wait_for(|stopped| *stopped);
    let _ = tokio::time::timeout(INTERVAL, stopped).await;
}
