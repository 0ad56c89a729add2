use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fmt, io};

use bytes::Bytes;
use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};
use url::{Position, Url};

use super::dead_letter::{DeadLetter, OnDeadLetter};
use super::delivery::Delivery;
use super::error::{AttemptError, DeliveryError, DeliveryErrorKind};
use super::lanes::{Lanes, Place};
use super::message::Message;
use crate::services::webhook::event::RawEvent;
use crate::services::webhook::signing_key::SigningKey;
use crate::services::webhook::verification::{WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
use crate::upstream::api_client;
use crate::util::backoff::Backoff;

/// Signs events and delivers them to another service, as the auth center does. Cheap to clone; clones share their
/// connections.
///
/// Each request is signed twice: as the auth center signs (`X-Webhook-Signature`), and as Standard Webhooks define
/// (`webhook-id`, `webhook-timestamp`, `webhook-signature`). Receivers of either kind accept it, and those of Standard
/// Webhooks can detect replays.
///
/// ```no_run
/// use aigc_auth::webhook::Sender;
/// use serde_json::json;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let sender = Sender::builder("https://legacy.example.com/webhook/auth", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").build()?;
/// let user = json!({ "id": 7, "username": "alice", "email": "a@example.com", "updatedFields": ["email"] });
/// match sender.send("user.updated", &user).await {
///     Ok(delivery) => println!("delivered as {} at attempt {}", delivery.id, delivery.attempts),
///     Err(error) if error.may_succeed_later() => println!("to be sent again: {error}"),
///     Err(error) => println!("failed permanently: {error}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Sender(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) http: reqwest::Client,
    pub(super) url: Url,
    /// The first one signs for `X-Webhook-Signature`, which holds a single signature.
    pub(super) keys: Vec<SigningKey>,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) initial_backoff: Duration,
    pub(super) on_dead_letter: Option<OnDeadLetter>,
    /// For a sender that keeps the order of a user's events.
    pub(super) lanes: Option<Lanes>,
    pub(super) turn_timeout: Duration,
}

impl Sender {
    /// The longest pause between two attempts, unless the receiver's `Retry-After` is longer.
    const MAX_BACKOFF: Duration = Duration::from_secs(30);
    /// The size limit of a response's body, in bytes.
    const MAX_ANSWER: usize = 64 * 1024;

    /// Delivers an event, such as `user.updated`, under a new id. Returns after the first successful attempt, or after
    /// the last one.
    ///
    /// # Errors
    /// [`DeliveryError`] after the last attempt, or as soon as an attempt fails permanently.
    pub async fn send<T: Serialize + ?Sized>(
        &self,
        event: &str,
        data: &T,
    ) -> Result<Delivery, DeliveryError> {
        self.send_as(&new_id(), event, data).await
    }

    /// Delivers an event under this id, to repeat a delivery that the receiver may have received already, such as after
    /// a restart.
    ///
    /// # Errors
    /// As [`Sender::send`]; an id that is empty, over 256 bytes or not visible ASCII is
    /// [`InvalidRequest`](DeliveryErrorKind::InvalidRequest).
    pub async fn send_as<T: Serialize + ?Sized>(
        &self,
        id: &str,
        event: &str,
        data: &T,
    ) -> Result<Delivery, DeliveryError> {
        let failed = |attempts, error| DeliveryError::new(id, attempts, error);
        let message = Message::new(&self.0.keys, id, event, data).map_err(|error| failed(0, error))?;
        let _place = match timeout(self.0.turn_timeout, self.enter_lane(&message)).await {
            Ok(place) => place,
            Err(_) => {
                let error = failed(0, AttemptError::new(DeliveryErrorKind::TurnTimeout));
                return Err(self.give_up(message, event, error));
            }
        };
        let mut backoff = Backoff::new(self.0.initial_backoff, Self::MAX_BACKOFF);
        let mut attempt = 1;
        loop {
            let error = match self.attempt(&message).await {
                Ok((status, answer)) => {
                    return Ok(Delivery { id: message.id, attempts: attempt, status, answer });
                }
                Err(error) => error,
            };
            let retries = attempt < self.0.attempts && error.kind.may_succeed_later();
            let pause = retries.then(|| error.pause(backoff.pause()));
            tracing::debug!(id, event, attempt, kind = ?error.kind, ?pause, "webhook delivery failed");
            let Some(pause) = pause else {
                return Err(self.give_up(message, event, failed(attempt, error)));
            };
            sleep(pause).await;
            attempt += 1;
        }
    }

    /// Hands over an event that was not delivered.
    fn give_up(&self, message: Message, event: &str, error: DeliveryError) -> DeliveryError {
        if let Some(on_dead_letter) = &self.0.on_dead_letter {
            let Message { id, body, .. } = message;
            on_dead_letter.call(DeadLetter { id, event: event.to_owned(), body, error: error.clone() });
        }
        error
    }

    /// Waits for the earlier events of the same user, if the sender keeps their order.
    async fn enter_lane(&self, message: &Message) -> Option<Place> {
        let lanes = self.0.lanes.as_ref()?;
        let (kind, name) = RawEvent::parse(&message.body).ok()?.subjects().next()?;
        Some(lanes.enter(format!("{kind} {name}")).await)
    }

    async fn attempt(&self, message: &Message) -> Result<(StatusCode, Bytes), AttemptError> {
        let start = Instant::now();
        let Ok(response) = timeout(self.0.timeout, self.exchange(message)).await else {
            return Err(AttemptError::new(DeliveryErrorKind::Timeout));
        };
        let response = response?;
        let (status, remaining) = (response.status(), self.0.timeout.saturating_sub(start.elapsed()));
        Ok((status, timeout(remaining, read_answer(response)).await.unwrap_or_default()))
    }

    /// Sends the request. Returns a 2xx response of the configured URL.
    async fn exchange(&self, message: &Message) -> Result<reqwest::Response, AttemptError> {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let request = self
            .0
            .http
            .post(self.0.url.clone())
            .headers(message.headers.clone())
            .header(WEBHOOK_TIMESTAMP, timestamp)
            .header(WEBHOOK_SIGNATURE, message.standard_signatures(&self.0.keys, timestamp))
            .body(message.body.clone());
        let response = request.send().await.map_err(|error| {
            AttemptError::new(DeliveryErrorKind::Connection).with_source(error.without_url())
        })?;
        let status = response.status();
        if !is_same_target(response.url(), &self.0.url) {
            // Only a client of the caller's own can follow redirects.
            let why = "a redirect was followed; build the HTTP client with `redirect(Policy::none())`";
            return Err(
                AttemptError::new(DeliveryErrorKind::Rejected(status)).with_source(io::Error::other(why))
            );
        }
        if status.is_success() {
            return Ok(response);
        }
        let kind = match status.as_u16() {
            408 | 425 | 429 | 500.. => DeliveryErrorKind::Unavailable(status),
            _ => DeliveryErrorKind::Rejected(status),
        };
        let headers = response.headers();
        let location = headers.get(LOCATION).filter(|_| status.is_redirection());
        Err(AttemptError {
            retry_after: api_client::retry_after(headers),
            location: location.and_then(|location| Some(location.to_str().ok()?.into())),
            ..AttemptError::new(kind)
        })
    }
}

/// Compares URLs without user name and password, which reqwest removes.
fn is_same_target(one: &Url, other: &Url) -> bool {
    const TARGET: std::ops::Range<Position> = Position::BeforeHost..Position::AfterQuery;
    one.scheme() == other.scheme() && one[TARGET] == other[TARGET]
}

/// Reads the body of a 2xx response. Errors are ignored, since the event was delivered.
async fn read_answer(mut response: reqwest::Response) -> Bytes {
    let mut answer = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if answer.len() + chunk.len() <= Sender::MAX_ANSWER => {
                answer.extend_from_slice(&chunk);
            }
            Ok(None) => return answer.into(),
            Ok(Some(_)) | Err(_) => return Bytes::new(),
        }
    }
}

fn new_id() -> String {
    format!("msg_{:032x}", fastrand::u128(..))
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without path and query, which may contain a secret.
        f.debug_struct("Sender").field("host", &self.0.url.host_str()).finish_non_exhaustive()
    }
}
