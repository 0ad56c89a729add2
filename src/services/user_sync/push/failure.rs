use std::fmt;

/// A user who could not be pushed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct PushFailure {
    /// The user's name, or else their row in the legacy system.
    pub user: String,
    /// The reason. Shows no password.
    pub reason: String,
}

impl fmt::Display for PushFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.user, self.reason)
    }
}
