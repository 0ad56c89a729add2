//! Errors about something else than a credential: their messages speak of that.

use super::auth_error::AuthError;
use super::kind::ErrorKind;
use super::message::About;

impl AuthError {
    /// Returns this error as one of a call that verifies nobody.
    #[cfg(feature = "client")]
    pub(crate) const fn of_call(mut self) -> Self {
        self.about = About::Call;
        self
    }

    /// Returns this error as one of a membership.
    pub(crate) const fn of_membership(mut self) -> Self {
        self.about = About::Membership;
        self
    }

    /// The error for an `Authorization` of another scheme than `Bearer`.
    pub(crate) const fn other_scheme() -> Self {
        let mut error = Self::new(ErrorKind::MissingCredential);
        error.about = About::OtherScheme;
        error
    }

    /// The error for an `Authorization` without a scheme.
    pub(crate) const fn no_scheme() -> Self {
        let mut error = Self::new(ErrorKind::MissingCredential);
        error.about = About::NoScheme;
        error
    }
}
