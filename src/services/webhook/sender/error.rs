use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

/// The error of a delivery whose attempts all failed.
#[derive(Clone)]
pub struct DeliveryError {
    id: String,
    attempts: u32,
    kind: DeliveryErrorKind,
    detail: Option<&'static str>,
    location: Option<Box<str>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// Why the last attempt of a delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryErrorKind {
    /// The receiver rejected the event permanently: a redirect, or a 4xx other than 408, 425 and 429. Not retried. See
    /// [`DeliveryError::is_gone`], [`DeliveryError::is_too_large`] and [`DeliveryError::is_redirect`] for what to do. If an HTTP
    /// client of your own has followed a redirect, this is the final status, and the source mentions the redirect.
    Rejected(StatusCode),
    /// The receiver is temporarily unavailable: 5xx, 408, 425, 429.
    Unavailable(StatusCode),
    /// The attempt timed out. The receiver may have received the event.
    Timeout,
    /// The connection failed. The receiver may have received the event.
    Connection,
    /// Nothing was sent: the earlier events of the user took longer than
    /// [`turn_timeout`](super::SenderBuilder::turn_timeout).
    TurnTimeout,
    /// Nothing was sent: the data cannot be serialized, or the event's name or the id is not a valid header value. The text of
    /// the error says which.
    InvalidRequest,
}

impl DeliveryErrorKind {
    fn rejection(self) -> Option<StatusCode> {
        match self {
            Self::Rejected(status) => Some(status),
            _ => None,
        }
    }

    pub(super) fn may_succeed_later(self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Timeout | Self::Connection | Self::TurnTimeout)
    }
}

/// Why an attempt failed.
pub(super) struct AttemptError {
    pub(super) kind: DeliveryErrorKind,
    pub(super) detail: Option<&'static str>,
    pub(super) retry_after: Option<Duration>,
    /// Where a redirect leads.
    pub(super) location: Option<Box<str>>,
    pub(super) source: Option<Arc<dyn Error + Send + Sync>>,
}

impl AttemptError {
    pub(super) fn new(kind: DeliveryErrorKind) -> Self {
        Self { kind, detail: None, retry_after: None, location: None, source: None }
    }

    pub(super) fn with_detail(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    pub(super) fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Returns the pause before the next attempt: the longer one of `backoff` and the receiver's `Retry-After`.
    pub(super) fn pause(&self, backoff: Duration) -> Duration {
        self.retry_after.map_or(backoff, |retry_after| retry_after.max(backoff))
    }
}

impl DeliveryError {
    pub(super) fn new(id: &str, attempts: u32, error: AttemptError) -> Self {
        let AttemptError { kind, detail, location, source, .. } = error;
        Self { id: id.to_owned(), attempts, kind, detail, location, source }
    }

    /// Returns the id of the event, to send it again by [`Sender::send_as`](super::Sender::send_as).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the number of attempts.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns why the last attempt failed.
    pub fn kind(&self) -> DeliveryErrorKind {
        self.kind
    }

    /// Returns whether the receiver wants no more events (410 Gone): end its subscription, and send it nothing more.
    pub fn is_gone(&self) -> bool {
        self.kind.rejection() == Some(StatusCode::GONE)
    }

    /// Returns whether the receiver does not take an event of this size (413 Content Too Large). Smaller ones it may take: this
    /// crate's router takes 256 KiB.
    pub fn is_too_large(&self) -> bool {
        self.kind.rejection() == Some(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// Returns whether the receiver redirects to another URL, which is not followed: the event's data and signature go to the
    /// URL that was named. If it has moved, its subscription needs the new URL.
    pub fn is_redirect(&self) -> bool {
        self.kind.rejection().is_some_and(is_redirect)
    }

    /// Returns where a redirect leads, as the receiver wrote it. Not in the text of the error: it may contain a secret.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Returns whether a later delivery may succeed: `false` if the event was rejected or cannot be sent.
    pub fn may_succeed_later(&self) -> bool {
        self.kind.may_succeed_later()
    }
}

/// Not each 3xx: 304 is about a copy that was not asked for.
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 300..=303 | 307 | 308)
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, attempts, kind, .. } = self;
        write!(f, "webhook {id} was not delivered in {attempts} attempts: ")?;
        match kind {
            DeliveryErrorKind::Rejected(status) => {
                write!(f, "rejected by the receiver ({status})")?;
                f.write_str(match *status {
                    StatusCode::GONE => ": it wants no more events, so end its subscription",
                    StatusCode::PAYLOAD_TOO_LARGE => {
                        ": the event is too large for it, smaller ones may not be"
                    }
                    status if is_redirect(status) => {
                        ": redirects are not followed, so name the URL where it is now"
                    }
                    _ => "",
                })
            }
            DeliveryErrorKind::Unavailable(status) => write!(f, "the receiver is unavailable ({status})"),
            DeliveryErrorKind::Timeout => f.write_str("timed out"),
            DeliveryErrorKind::Connection => {
                f.write_str("cannot connect to the receiver, or the connection broke")
            }
            DeliveryErrorKind::TurnTimeout => {
                f.write_str("the earlier events of its user took too long (turn_timeout)")
            }
            DeliveryErrorKind::InvalidRequest => {
                f.write_str(self.detail.unwrap_or("the data, the event's name or the id cannot be sent"))
            }
        }
    }
}

impl fmt::Debug for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryError")
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .field("kind", &self.kind)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for DeliveryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_is_longer_of_retry_after_and_backoff() {
        let (short, long) = (Duration::from_millis(500), Duration::from_secs(20));
        for (retry_after, backoff, expected) in
            [(None, short, short), (Some(long), short, long), (Some(short), long, long), (None, long, long)]
        {
            let kind = DeliveryErrorKind::Unavailable(StatusCode::TOO_MANY_REQUESTS);
            let error = AttemptError { retry_after, ..AttemptError::new(kind) };
            assert_eq!(error.pause(backoff), expected, "{retry_after:?} {backoff:?}");
        }
    }
}
