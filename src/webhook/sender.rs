//! Deliveries of events to another service's endpoint.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fmt, io};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};
use url::{Position, Url};

use super::proof::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, X_WEBHOOK_EVENT, X_WEBHOOK_SIGNATURE};
use super::signature::{self, Key};
use crate::backoff::Backoff;
use crate::secret::Secret;
use crate::transport;

mod builder;
mod outcome;

pub use builder::SenderBuilder;
pub use outcome::{Delivery, Undelivered, UndeliveredKind};

use outcome::Failure;

/// Signs events and delivers them to another service, as the auth center does. Cheap to clone; clones share their
/// connections.
///
/// Each delivery is signed twice, as the auth center signs (`X-Webhook-Signature`) and as Standard Webhooks say
/// (`webhook-id`, `webhook-timestamp`, `webhook-signature`), so that receivers of either kind take it, and those of the
/// second notice replays.
///
/// ```no_run
/// use aigc_auth::webhook::Sender;
/// use serde_json::json;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let sender = Sender::builder("https://legacy.example.com/webhook/auth", "a secret of the webhook").build()?;
/// let user = json!({ "id": 7, "username": "alice", "email": "a@example.com", "updatedFields": ["email"] });
/// match sender.send("user.updated", &user).await {
///     Ok(delivery) => println!("delivered as {} at attempt {}", delivery.id, delivery.attempts),
///     Err(undelivered) if undelivered.may_succeed_later() => println!("to be sent again: {undelivered}"),
///     Err(undelivered) => println!("never: {undelivered}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Sender(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    url: Url,
    /// The first signs for `X-Webhook-Signature`, which has room for one.
    keys: Vec<Key>,
    timeout: Duration,
    attempts: u32,
    backoff: Duration,
}

/// What is sent, the same at each attempt.
struct Message {
    id: String,
    body: Bytes,
    headers: HeaderMap,
}

impl Sender {
    /// The longest pause between two attempts, unless the receiver asks for more.
    const LONGEST_PAUSE: Duration = Duration::from_secs(30);
    /// Answers are read up to here.
    const LARGEST_ANSWER: usize = 64 * 1024;

    /// Starts a sender to this endpoint, whose receiver knows this secret. A user name and a password in the URL are sent as
    /// Basic Authorization.
    pub fn builder(url: impl Into<String>, secret: impl Into<Secret>) -> SenderBuilder {
        SenderBuilder::new(url.into(), secret.into())
    }

    /// Delivers an event, such as `user.updated`, under an id of its own. Returns when the receiver has it, or when no
    /// attempt is left.
    ///
    /// # Errors
    /// [`Undelivered`] after the last attempt, or as soon as another one makes no sense.
    pub async fn send<T: Serialize + ?Sized>(&self, event: &str, data: &T) -> Result<Delivery, Undelivered> {
        self.send_as(&new_id(), event, data).await
    }

    /// Delivers an event under this id: to send one again, perhaps after a restart, that the receiver may have already.
    ///
    /// # Errors
    /// As [`Sender::send`]; an id that is empty, over 256 bytes or not visible ASCII is
    /// [`Unsendable`](UndeliveredKind::Unsendable).
    pub async fn send_as<T: Serialize + ?Sized>(
        &self,
        id: &str,
        event: &str,
        data: &T,
    ) -> Result<Delivery, Undelivered> {
        let undelivered = |attempts, failure| Undelivered::new(id, attempts, failure);
        let message = self.message(id, event, data).map_err(|failure| undelivered(0, failure))?;
        let mut backoff = Backoff::new(self.0.backoff, Self::LONGEST_PAUSE);
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(&message).await {
                Ok((status, answer)) => {
                    return Ok(Delivery { id: message.id, attempts: attempt, status, answer });
                }
                Err(failure) => failure,
            };
            let again = attempt < self.0.attempts && failure.kind.may_succeed_later();
            let pause = again.then(|| failure.pause(backoff.pause()));
            tracing::debug!(id, event, attempt, kind = ?failure.kind, ?pause, "webhook not delivered");
            let Some(pause) = pause else { return Err(undelivered(attempt, failure)) };
            sleep(pause).await;
            attempt += 1;
        }
    }

    fn message<T: Serialize + ?Sized>(&self, id: &str, event: &str, data: &T) -> Result<Message, Failure> {
        #[derive(Serialize)]
        struct Body<'a, T: ?Sized> {
            event: &'a str,
            data: &'a T,
        }

        let unsendable = || Failure::new(UndeliveredKind::Unsendable);
        let body =
            serde_json::to_vec(&Body { event, data }).map_err(|error| unsendable().with_source(error))?;
        let is_id = (1..=256).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        // `HeaderValue` would take other letters, which receivers read as they like, or refuse.
        if !is_id || !event.is_ascii() {
            return Err(unsendable());
        }
        let mut headers = HeaderMap::new();
        let mut put = |name, value: &str| {
            let value = HeaderValue::from_str(value).map_err(|error| unsendable().with_source(error))?;
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        };
        put("content-type", "application/json")?;
        put(X_WEBHOOK_EVENT, event)?;
        put(WEBHOOK_ID, id)?;
        if let Some(key) = self.0.keys.first() {
            put(X_WEBHOOK_SIGNATURE, &signature::to_hex(key.plain(&body)))?;
        }
        Ok(Message { id: id.to_owned(), body: body.into(), headers })
    }

    async fn attempt(&self, message: &Message) -> Result<(StatusCode, Bytes), Failure> {
        let start = Instant::now();
        let Ok(response) = timeout(self.0.timeout, self.exchange(message)).await else {
            return Err(Failure::new(UndeliveredKind::TimedOut));
        };
        let response = response?;
        let (status, left) = (response.status(), self.0.timeout.saturating_sub(start.elapsed()));
        Ok((status, timeout(left, read(response)).await.unwrap_or_default()))
    }

    /// Asks, and returns what agrees.
    async fn exchange(&self, message: &Message) -> Result<reqwest::Response, Failure> {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let request = self
            .0
            .http
            .post(self.0.url.clone())
            .headers(message.headers.clone())
            .header(WEBHOOK_TIMESTAMP, timestamp)
            .header(WEBHOOK_SIGNATURE, self.standard_signatures(message, timestamp))
            .body(message.body.clone());
        let response = request
            .send()
            .await
            .map_err(|error| Failure::new(UndeliveredKind::Unreachable).with_source(error.without_url()))?;
        let status = response.status();
        if !is_same_place(response.url(), &self.0.url) {
            // Only a client of the caller's own follows redirects.
            let why = "the answer came by a redirect; build the HTTP client without them";
            return Err(Failure::new(UndeliveredKind::Refused(status)).with_source(io::Error::other(why)));
        }
        if status.is_success() {
            return Ok(response);
        }
        let kind = match status.as_u16() {
            408 | 425 | 429 | 500.. => UndeliveredKind::Failing(status),
            _ => UndeliveredKind::Refused(status),
        };
        Err(Failure { retry_after: transport::retry_after(response.headers()), ..Failure::new(kind) })
    }

    /// By all secrets, and anew at each attempt: it is then that the time counts.
    fn standard_signatures(&self, message: &Message, timestamp: u64) -> String {
        let timestamp = timestamp.to_string();
        let signatures = self.0.keys.iter().map(|key| {
            format!("v1,{}", signature::to_base64(key.standard(&message.id, &timestamp, &message.body)))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

/// reqwest takes user and password out of the URL.
fn is_same_place(one: &Url, other: &Url) -> bool {
    const PLACE: std::ops::Range<Position> = Position::BeforeHost..Position::AfterQuery;
    one.scheme() == other.scheme() && one[PLACE] == other[PLACE]
}

/// What the receiver says beside its status. It has the event: an answer that breaks off or hangs changes
/// nothing about that.
async fn read(mut response: reqwest::Response) -> Bytes {
    let mut answer = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if answer.len() + chunk.len() <= Sender::LARGEST_ANSWER => {
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
        // Without path and query: they may be a secret of their own.
        f.debug_struct("Sender").field("host", &self.0.url.host_str()).finish_non_exhaustive()
    }
}
