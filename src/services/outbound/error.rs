use std::error::Error;
use std::fmt;

/// A call to another service that got no answer. Its text shows neither the query nor credentials.
#[derive(Debug)]
pub struct OutboundError {
    kind: OutboundErrorKind,
    message: String,
    source: Option<reqwest::Error>,
}

/// The kind of an [`OutboundError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutboundErrorKind {
    /// The request cannot be built: the URL, a header or the body is invalid.
    InvalidRequest,
    /// No connection was established in time. Nothing was sent.
    Connect,
    /// No answer came in time.
    Timeout,
    /// There were more redirects than are followed.
    TooManyRedirects,
    /// The connection broke before there was an answer.
    Interrupted,
}

impl OutboundError {
    pub(super) fn new(kind: OutboundErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// No answer came within the idle timeout.
    pub(super) fn timeout(url: &str) -> Self {
        Self::new(OutboundErrorKind::Timeout, format!("{url}: no answer in time"))
    }

    /// Converts an error of a call to `url`, which has no query.
    pub(super) fn from_reqwest(error: reqwest::Error, url: &str) -> Self {
        let (kind, message) = classify(&error);
        // Without its own URL, whose query may hold a secret.
        Self { kind, message: format!("{url}: {message}"), source: Some(error.without_url()) }
    }

    /// Returns the kind.
    pub fn kind(&self) -> OutboundErrorKind {
        self.kind
    }
}

/// Classifies an error, with a message that shows nothing of the request.
pub(super) fn classify(error: &reqwest::Error) -> (OutboundErrorKind, &'static str) {
    if error.is_builder() {
        (OutboundErrorKind::InvalidRequest, "the request cannot be built")
    } else if error.is_connect() {
        // Before `is_timeout`: nothing was sent, even if connecting timed out.
        (OutboundErrorKind::Connect, "cannot connect")
    } else if error.is_timeout() {
        (OutboundErrorKind::Timeout, "no answer in time")
    } else if error.is_redirect() {
        (OutboundErrorKind::TooManyRedirects, "too many redirects")
    } else {
        (OutboundErrorKind::Interrupted, "the connection broke before an answer")
    }
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for OutboundError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
