use std::error::Error;
use std::fmt;

/// Why a user, or a whole push, could not be synchronized. Its text shows no password.
#[derive(Debug)]
pub struct SyncError {
    kind: SyncErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`SyncError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SyncErrorKind {
    /// The direction is disabled by the [mode](super::SyncMode).
    Off,
    /// A required field of the user is missing or empty, or a field cannot be mapped.
    Mapping,
    /// There is no password policy, or it has no password for the user.
    NoPassword,
    /// The legacy system failed.
    Store,
    /// The auth center rejected this service, or is unavailable.
    AuthCenter,
    /// The checkpoint file cannot be read or written, or belongs to another push.
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

    /// Returns the kind.
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
