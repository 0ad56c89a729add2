//! Why a token was rejected.

use std::borrow::Cow;
use std::time::Duration;

use crate::types::error::{AuthError, ErrorKind};
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// What is wrong with a token. Each is logged apart from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Malformed,
    /// No JWT, or one that is encrypted.
    Shape,
    Algorithm,
    Key,
    Signature,
    Expired,
    NotYetValid,
    Dates,
    Audience,
    Issuer,
    Kind,
    Subject,
    /// The function that maps the claims has rejected it, or has failed. The app's own: not logged.
    Mapping,
    Revoked,
}

const REASONS: usize = Reason::Revoked as usize + 1;

/// The rejection of a token, or another failure of its verification.
pub(super) struct Rejection {
    reason: Option<Reason>,
    error: AuthError,
}

impl From<AuthError> for Rejection {
    fn from(error: AuthError) -> Self {
        Self { reason: None, error }
    }
}

impl From<Rejection> for AuthError {
    fn from(rejection: Rejection) -> Self {
        rejection.error
    }
}

impl Rejection {
    pub(super) fn new(reason: Reason, error: AuthError) -> Self {
        Self { reason: Some(reason), error }
    }

    /// Whether no other source of keys may verify the token: this one has signed it.
    pub(super) fn is_final(&self) -> bool {
        let is_unsigned = matches!(
            self.reason,
            Some(Reason::Malformed | Reason::Shape | Reason::Algorithm | Reason::Key | Reason::Signature)
        );
        !is_unsigned && !self.is_outage()
    }

    /// Whether keys are missing that would tell.
    pub(super) fn is_outage(&self) -> bool {
        self.reason.is_none() && self.error.kind() == ErrorKind::Unavailable
    }
}

/// Returns the rejection of a token. The detail never has the token's own words, except what its issuer has signed, or as
/// [`shown`].
pub(super) fn invalid_token(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Rejection {
    let kind = if reason == Reason::Expired { ErrorKind::Expired } else { ErrorKind::InvalidCredential };
    Rejection { reason: Some(reason), error: AuthError::new(kind).with_detail(detail) }
}

/// Logs rejections, each reason once in 10 s: a service that refuses everybody says why.
pub(super) struct Rejections([LogThrottle; REASONS]);

impl Rejections {
    const PAUSE: Duration = Duration::from_secs(10);

    pub(super) fn new(clock: &Clock) -> Self {
        Self(std::array::from_fn(|_| LogThrottle::new(clock.clone(), Self::PAUSE)))
    }

    pub(super) fn log(&self, rejection: &Rejection) {
        let Some(reason) = rejection.reason.filter(|reason| *reason != Reason::Mapping) else { return };
        if self.0.get(reason as usize).is_some_and(LogThrottle::is_due) {
            let error = &rejection.error;
            match reason {
                // As everybody's token does in the end, or whoever logs out.
                Reason::Expired | Reason::Revoked => tracing::info!(%error, ?reason, "JWT rejected"),
                _ => tracing::warn!(%error, ?reason, "JWT rejected"),
            }
        }
    }
}
