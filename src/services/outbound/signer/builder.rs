use std::fmt;
use std::time::Duration;

use super::key::ServiceKey;
use super::signer::{ServiceSigner, Settings};
use crate::types::error::BuildError;
use crate::util::clock::Clock;

const MAX_LIFETIME: Duration = Duration::from_secs(3600);
/// Dates are in whole seconds: of one second, a token that has just been signed may have next to nothing left.
const MIN_LIFETIME: Duration = Duration::from_secs(2);

/// Builds a [`ServiceSigner`]. Made by [`ServiceSigner::builder`].
#[must_use]
pub struct ServiceSignerBuilder {
    key: ServiceKey,
    settings: Settings,
}

impl ServiceSigner {
    /// Starts a signer for the service of this name, which signs by this key.
    pub fn builder(name: impl Into<String>, key: ServiceKey) -> ServiceSignerBuilder {
        let settings = Settings {
            name: name.into(),
            prefix: "service:".to_owned(),
            issuer: None,
            lifetime: Duration::from_secs(60),
            publish_ahead: MAX_LIFETIME,
            also_published: Vec::new(),
            clock: Clock::default(),
        };
        ServiceSignerBuilder { key, settings }
    }
}

impl ServiceSignerBuilder {
    /// Sets what stands before the name in `sub`. Defaults to `service:`.
    pub fn subject_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.prefix = prefix.into();
        self
    }

    /// Sets the issuer (`iss`), for verifiers that require one. Defaults to none.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.settings.issuer = Some(issuer.into());
        self
    }

    /// Sets how long tokens live, from 2 s to an hour. Defaults to 60 s. A token is sent for the first half of its life.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.lifetime = lifetime;
        self
    }

    /// Sets how long a key is published before it signs, in [`rotate_to`](ServiceSigner::rotate_to): as long as verifiers keep
    /// a key set. Defaults to an hour, as AutoGPT keeps it; a [`JwtVerifier`](crate::jwt::JwtVerifier) keeps it for 10 minutes,
    /// and asks for a `kid` that it does not know within 30 s.
    pub fn publish_ahead(mut self, ahead: Duration) -> Self {
        self.settings.publish_ahead = ahead;
        self
    }

    /// Publishes the public half of this key as well, which does not sign here: another replica's, or the one of before a
    /// restart with a new key. Calls add up. Defaults to none.
    pub fn also_publish(mut self, key: &ServiceKey) -> Self {
        self.settings.also_published.push(key.jwk().clone());
        self
    }

    /// Sets the clock, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Builds the signer.
    ///
    /// # Errors
    /// If the name or the prefix is empty, or the lifetime is under 2 s or over an hour.
    pub fn build(self) -> Result<ServiceSigner, BuildError> {
        let Self { key, settings } = self;
        for (what, text) in [("name", &settings.name), ("subject prefix", &settings.prefix)] {
            if text.trim().is_empty() {
                return Err(BuildError::new(format!(
                    "the {what} of the service is empty: expected one for its tokens"
                )));
            }
        }
        let lifetime = settings.lifetime;
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
            return Err(BuildError::new(format!(
                "expected a lifetime of a service's tokens from 2 s to 1 h, found {lifetime:?}: nobody can revoke them"
            )));
        }
        Ok(ServiceSigner::new(key, settings))
    }
}

impl fmt::Debug for ServiceSignerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceSignerBuilder")
            .field("name", &self.settings.name)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
