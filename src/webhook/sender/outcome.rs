use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

/// An event that its receiver has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The id it was delivered under.
    pub id: String,
    /// The attempt that succeeded, from 1.
    pub attempts: u32,
    /// The receiver's status, a 2xx.
    pub status: StatusCode,
    /// What the receiver answered; empty if that was over 64 KiB, broke off or took too long.
    pub answer: Bytes,
}

/// Why an event was not delivered.
#[derive(Clone)]
pub struct Undelivered {
    id: String,
    attempts: u32,
    kind: UndeliveredKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What became of the last attempt of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UndeliveredKind {
    /// The receiver refused for good: a redirect, or a 4xx other than 408, 425 and 429. It is not asked again. Where an
    /// HTTP client of your own has followed a redirect, this is what it found there, and the source says so.
    Refused(StatusCode),
    /// The receiver failed, or asked to come later: 5xx, 408, 425, 429.
    Failing(StatusCode),
    /// No answer came in time. The receiver may have the event all the same.
    TimedOut,
    /// No connection came about, or it broke. The receiver may have the event all the same.
    Unreachable,
    /// Nothing was sent: the data is no JSON, or the event's name or the id cannot stand in a header.
    Unsendable,
}

impl UndeliveredKind {
    pub(super) fn may_succeed_later(self) -> bool {
        matches!(self, Self::Failing(_) | Self::TimedOut | Self::Unreachable)
    }
}

/// How an attempt went wrong.
pub(super) struct Failure {
    pub(super) kind: UndeliveredKind,
    pub(super) retry_after: Option<Duration>,
    pub(super) source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(super) fn new(kind: UndeliveredKind) -> Self {
        Self { kind, retry_after: None, source: None }
    }

    pub(super) fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// How long to wait before the next attempt, which we would make after `ours`.
    pub(super) fn pause(&self, ours: Duration) -> Duration {
        self.retry_after.map_or(ours, |asked| asked.max(ours))
    }
}

impl Undelivered {
    pub(super) fn new(id: &str, attempts: u32, failure: Failure) -> Self {
        Self { id: id.to_owned(), attempts, kind: failure.kind, source: failure.source }
    }

    /// The id to send it again under, by [`Sender::send_as`](super::Sender::send_as).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How often it was tried.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What became of the last attempt.
    pub fn kind(&self) -> UndeliveredKind {
        self.kind
    }

    /// Whether it makes sense to send it again some time.
    pub fn may_succeed_later(&self) -> bool {
        self.kind.may_succeed_later()
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, attempts, kind, .. } = self;
        write!(f, "webhook {id} was not delivered in {attempts} attempts: ")?;
        match kind {
            UndeliveredKind::Refused(status) => write!(f, "the receiver refused it ({status})"),
            UndeliveredKind::Failing(status) => write!(f, "the receiver is failing ({status})"),
            UndeliveredKind::TimedOut => f.write_str("no answer in time"),
            UndeliveredKind::Unreachable => f.write_str("the receiver cannot be reached"),
            UndeliveredKind::Unsendable => f.write_str("its data, event or id cannot be sent"),
        }
    }
}

impl fmt::Debug for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undelivered")
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .field("kind", &self.kind)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for Undelivered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_pause_counts() {
        let (short, long) = (Duration::from_millis(500), Duration::from_secs(20));
        for (retry_after, ours, expected) in
            [(None, short, short), (Some(long), short, long), (Some(short), long, long), (None, long, long)]
        {
            let kind = UndeliveredKind::Failing(StatusCode::TOO_MANY_REQUESTS);
            let failure = Failure { retry_after, ..Failure::new(kind) };
            assert_eq!(failure.pause(ours), expected, "{retry_after:?} {ours:?}");
        }
    }
}
