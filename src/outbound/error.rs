use std::error::Error;
use std::fmt;

/// Why a call to another service brought no answer. Shows neither query nor credentials.
#[derive(Debug)]
pub struct OutboundError {
    kind: OutboundErrorKind,
    message: String,
    source: Option<reqwest::Error>,
}

/// What kind of failure an [`OutboundError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutboundErrorKind {
    /// The request could not be built: a bad URL, header or body.
    InvalidRequest,
    /// No connection came about, or not in time: nothing was sent.
    Connect,
    /// No answer came in time.
    Timeout,
    /// The answer led from one redirect to the next, too often.
    TooManyRedirects,
    /// The connection broke before there was an answer.
    Broken,
}

impl OutboundError {
    pub(super) fn new(kind: OutboundErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Of a call that went to `scheme://host/path`.
    pub(super) fn of(error: reqwest::Error, place: &str) -> Self {
        let (kind, what) = judge(&error);
        // Without the URL: its query may be a secret.
        Self { kind, message: format!("{place}: {what}"), source: Some(error.without_url()) }
    }

    /// The kind of failure.
    pub fn kind(&self) -> OutboundErrorKind {
        self.kind
    }
}

/// What kind of failure it is, in words that show nothing of the request.
pub(super) fn judge(error: &reqwest::Error) -> (OutboundErrorKind, &'static str) {
    if error.is_builder() {
        (OutboundErrorKind::InvalidRequest, "the request cannot be built")
    } else if error.is_connect() {
        // Also if it took too long: nothing was sent.
        (OutboundErrorKind::Connect, "cannot connect")
    } else if error.is_timeout() {
        (OutboundErrorKind::Timeout, "no answer in time")
    } else if error.is_redirect() {
        (OutboundErrorKind::TooManyRedirects, "too many redirects")
    } else {
        (OutboundErrorKind::Broken, "the connection broke before an answer")
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
