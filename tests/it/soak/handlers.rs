//! What the service does for callers.

use std::pin::pin;
use std::time::Duration;

use aigc_auth::outbound::OutboundClient;
use aigc_auth::{ActAsUser, AuthClient, CurrentUser, context};
use axum::body::{Body, Bytes};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;

/// The parts of a download, and their size.
pub(super) const DOWNLOAD: (usize, usize) = (64, 16 * 1024);

pub(super) async fn who(user: CurrentUser) -> String {
    user.username().to_owned()
}

pub(super) async fn act_as(who: ActAsUser) -> String {
    who.user().map_or_else(|| who.user_id().to_string(), |user| user.username().to_owned())
}

pub(super) async fn relay(
    State((outbound, url)): State<(OutboundClient, String)>,
) -> Result<String, StatusCode> {
    let answer = outbound.get(url).send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let is_success = answer.status().is_success();
    let text = answer.text().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if is_success { Ok(text) } else { Err(StatusCode::BAD_GATEWAY) }
}

#[derive(Deserialize)]
pub(super) struct Slowness {
    milliseconds: Option<u64>,
}

pub(super) async fn slow(user: CurrentUser, Query(Slowness { milliseconds }): Query<Slowness>) -> String {
    tokio::time::sleep(Duration::from_millis(milliseconds.unwrap_or(100))).await;
    user.username().to_owned()
}

/// More than the buffers between here and a caller take.
pub(super) async fn download(_: CurrentUser) -> Body {
    let (parts, size) = DOWNLOAD;
    let part = Bytes::from(vec![b'x'; size]);
    Body::from_stream(stream::iter((0..parts).map(move |_| Ok::<_, std::io::Error>(part.clone()))))
}

/// As the guide has it: a socket that ends with its credential.
pub(super) async fn socket(upgrade: WebSocketUpgrade, State(client): State<AuthClient>) -> Response {
    upgrade.on_upgrade(context::carry(|socket: WebSocket| talk(socket, client)))
}

async fn talk(mut socket: WebSocket, client: AuthClient) {
    let Some(credential) = context::credential() else { return };
    let mut revoked = pin!(client.revoked(&credential));
    loop {
        tokio::select! {
            reason = &mut revoked => {
                let frame = CloseFrame { code: 1008, reason: reason.message(Default::default()).into() };
                let _ = socket.send(Message::Close(Some(frame))).await;
                return;
            }
            message = socket.recv() => match message {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}
