//! Ask the verifier, within limits.

use crate::ports::observer::{BreakerState, LookedUp};
use crate::ports::verify::Verify;
use crate::types::credential::Credential;
use crate::types::user::UserInfo;
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::expiry;
use crate::upstream::guard::Guard;
use crate::upstream::identity_cache::{IdentityCache, Key};
use crate::upstream::lookups::{Backend, Fetch, Fetched, key_of, what_of};

/// The verifier, its cache and its limits.
pub(super) struct Guarded<V> {
    pub(super) verifier: V,
    pub(super) cache: IdentityCache,
    pub(super) guard: Guard,
}

impl<V: Send + Sync + 'static> Backend for Guarded<V> {
    type Value = UserInfo;

    fn cache(&self) -> &IdentityCache {
        &self.cache
    }

    fn is_busy(&self) -> bool {
        self.guard.is_busy()
    }

    fn load(&self) -> (usize, usize, Vec<(&'static str, BreakerState)>) {
        self.guard.load()
    }
}

impl<C, V> Fetch<C> for Guarded<V>
where
    C: Clone + Into<Credential> + Send + Sync + 'static,
    V: Verify<C>,
{
    fn what(credential: &C) -> LookedUp {
        what_of(&credential.clone().into())
    }

    fn key(&self, credential: &C) -> Key {
        key_of(&self.cache, &credential.clone().into())
    }

    async fn fetch(&self, credential: C, subject: Subject) -> Result<Fetched, CallError> {
        // It can only shorten what the verifier says.
        let own_end = expiry::of_jwt(credential.clone().into().as_str());
        // In a block, so that a panic before the future is one within it.
        let verifying = async { self.verifier.verify(credential).await };
        let mut value = self.guard.ask(subject, verifying).await?;
        let limit = [own_end, value.valid_until()].into_iter().flatten().min();
        self.cache.intern_lists(&mut value);
        Ok(Fetched { value, limit })
    }
}
