//! Say whether the settings are right, and whether lookups are made.

use super::client::AuthClient;
use crate::ports::observer::BreakerState;
use crate::ports::readiness::{PartState, ReadinessProbe};
use crate::types::error::AuthError;

impl AuthClient {
    /// Checks that the auth center is reached, and accepts the app's id and secret: by one call without effects, which asks for a
    /// user that there is not (`/users/batch-by-ids` with the id 0).
    ///
    /// For the start of a service, and for the hands of an operator. It goes past the circuit breaker, and takes
    /// [`timeout`](crate::AuthClientBuilder::timeout) at most; a check of health that runs every second is better served by
    /// [`is_ready`](Self::is_ready), which makes no call.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use aigc_auth::AuthClient;
    /// use aigc_auth::error::ErrorKind;
    ///
    /// let client = AuthClient::from_env()?;
    /// match client.check().await {
    ///     // A setting is wrong, and waiting does not help.
    ///     Err(error) if error.kind() == ErrorKind::Misconfigured => return Err(error.into()),
    ///     // An outage ends by itself: start all the same.
    ///     Err(error) => eprintln!("{error}"),
    ///     Ok(()) => {}
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Misconfigured`](crate::error::ErrorKind::Misconfigured) if the base URL leads to something else than an auth center, or
    /// if the app's id or secret is not accepted; the error says which of the two, and names the variables. It cannot tell a wrong
    /// id from a wrong secret, for the auth center does not. [`Unavailable`](crate::error::ErrorKind::Unavailable) if nobody
    /// answers, or too slowly, or with 5xx: the base URL may be wrong, or the auth center is away.
    pub async fn check(&self) -> Result<(), AuthError> {
        self.inner.core.api.check().await
    }

    /// Whether a lookup would be made now. Makes no call and does not wait.
    ///
    /// False from when the circuit breaker of lookups opens, after five failures in a row, until its pause is over (1 to 4 s):
    /// meanwhile requests with credentials that are not cached are answered 503. Then it is true, since the next request is the
    /// probe; it stays true if that succeeds, and is false for the next pause if not. So a service that was taken out of rotation
    /// comes back to try. It says nothing of other calls, which have breakers of their own, and is true before the first call.
    pub fn is_ready(&self) -> bool {
        self.inner.core.api.next_lookup() != BreakerState::Open
    }
}

/// `available`; `unavailable` while no lookups are made, which is not ready; `recovering` while the next lookup is the probe. See
/// [`AuthClient::is_ready`].
impl ReadinessProbe for AuthClient {
    fn readiness(&self) -> PartState {
        match self.inner.core.api.next_lookup() {
            BreakerState::Closed => PartState::ready("available"),
            BreakerState::HalfOpen => PartState::ready("recovering"),
            BreakerState::Open => PartState::not_ready("unavailable"),
        }
    }
}
