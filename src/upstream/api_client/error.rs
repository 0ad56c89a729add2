use std::time::Duration;

use super::failure::Failure;
use crate::types::error::AuthError;

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct CallError {
    pub(crate) error: AuthError,
    /// How long not to make the same call again. `None` if the auth center was not asked, or has rejected the call.
    pub(crate) pause: Option<Duration>,
}

impl From<AuthError> for CallError {
    fn from(error: AuthError) -> Self {
        Self { error, pause: None }
    }
}

impl Failure {
    pub(super) fn into_call_error(self, endpoint: &str) -> CallError {
        CallError { pause: self.pause(), error: self.into_error(endpoint) }
    }
}
