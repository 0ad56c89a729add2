use std::error::Error;
use std::fmt;

/// Why a user, or all of them, could not be brought from one side to the other. Never shows a password.
#[derive(Debug)]
pub struct SyncError {
    kind: SyncErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What kind of failure a [`SyncError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SyncErrorKind {
    /// The configuration has this turned off.
    Off,
    /// A field of the user is missing, or cannot be mapped.
    Mapping,
    /// The password policy has none for the user, or there is no policy.
    NoPassword,
    /// The legacy system failed.
    Store,
    /// The auth center refused, or could not be reached.
    AuthCenter,
    /// The checkpoint file cannot be read or written, or is of another push.
    Checkpoint,
}

impl SyncError {
    pub(super) fn new(kind: SyncErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(super) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> SyncErrorKind {
        self.kind
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for SyncError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
