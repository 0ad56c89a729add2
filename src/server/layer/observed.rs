//! Tell an observer what the layer refuses.

use http::header::AUTHORIZATION;

use super::decision::AuthConfig;
use super::layer::AuthLayer;
use super::missing;
use crate::ports::observer::{Observer, Watch};
use crate::request::auth_state::{self, Unauthenticated};
use crate::types::credential::MAX_LEN;
use crate::types::credential_seen::CredentialSeen;
use crate::types::error::AuthError;
use crate::types::presented::Presented;

impl AuthLayer {
    /// Sets who is told of refusals, and of attempts to act as another user. Defaults to the observer of the verifier, such as
    /// [`AuthClientBuilder::observer`](crate::AuthClientBuilder::observer), which is also told of lookups.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings_mut().refusals.watch = Watch::by(observer);
        self
    }
}

impl AuthConfig {
    /// Passes a request on without a user: an extractor may refuse it with this error.
    pub(super) fn reject_later<B>(&self, error: AuthError, request: &mut http::Request<B>) {
        let is_observed = self.settings.refusals.watch.is_on();
        let error = if is_observed { error.with_seen(self.seen(request)) } else { error };
        auth_state::set(request.extensions_mut(), Err(Unauthenticated::Rejected(error)));
    }

    /// Returns what stands where the credential of a request may stand.
    #[cold]
    pub(super) fn seen<B>(&self, request: &http::Request<B>) -> CredentialSeen {
        let reads_authorization = self.sources.as_deref().is_none_or(|sources| sources.authorization);
        let mut values = request.headers().get_all(AUTHORIZATION).iter().filter(|_| reads_authorization);
        match (values.next(), values.next()) {
            (None, _) => {
                let elsewhere = self.sources.as_deref().and_then(|sources| sources.seen(request));
                elsewhere.unwrap_or(CredentialSeen::Nothing)
            }
            (Some(_), Some(_)) => CredentialSeen::Several,
            (Some(value), None) => match Presented::in_value(value, MAX_LEN) {
                Presented::Credential(credential) => credential.seen(),
                Presented::Malformed(_) | Presented::TooLong => CredentialSeen::Bearer,
                Presented::Nothing => missing::seen(value),
            },
        }
    }
}
