//! Errors about something else than a credential: their messages speak of that.

use super::auth_error::AuthError;
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
}
