//! Look up users: from the cache, from the auth center, or stale while the auth center is unavailable.

use std::sync::Arc;

use serde::Deserialize;

use super::client::AuthClient;
use super::core::{Core, Fetched, Lookup, LookupOutcome};
use super::verdict::{UNCLEAR_PAUSE, is_rejection, verdict};
use super::{access_key, expiry, user_by_id};
use crate::ports::user_directory::Directory;
use crate::ports::verify::Verify;
use crate::request::context::InContext;
use crate::types::credential::{AccessKey, BearerToken, Credential};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::spelling::Record;
use crate::types::user::UserInfo;
use crate::upstream::api_client::{Call, CallError};
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::identity_cache::{Cached, Key, Kind};
use crate::upstream::slots::Owner;
use crate::util::single_flight::FlightError;

/// How often a lookup is made whose result is invalidated while in flight.
const ATTEMPTS: usize = 3;

impl AuthClient {
    /// Returns the user of a token, from the cache or the auth center.
    ///
    /// For access keys, see [`AuthClient::access_key_user`]: here they are an `InvalidCredential`.
    ///
    /// # Errors
    /// [`InvalidCredential`](crate::error::ErrorKind::InvalidCredential) for a token that the auth center does not accept
    /// (its codes 401 and 404), [`Denied`](crate::error::ErrorKind::Denied) for its code 403,
    /// [`Unavailable`](crate::error::ErrorKind::Unavailable) if the token could not be verified.
    pub async fn user_info(&self, token: &str) -> Result<UserInfo, AuthError> {
        self.lookup(Lookup::Credential(Credential::Bearer(BearerToken::new(token)?))).await
    }

    /// Returns the user of an access key, from the cache or the auth center.
    ///
    /// A key of type `user` stands for its user. A key of type `app` stands for `ak_app_<app id>`, one of type `global`
    /// for `ak_global`, an admin; both have the id 0.
    ///
    /// # Errors
    /// As [`AuthClient::user_info`]; [`Denied`](crate::error::ErrorKind::Denied) for the key of another app.
    pub async fn access_key_user(&self, key: &str) -> Result<UserInfo, AuthError> {
        self.lookup(Lookup::Credential(Credential::AccessKey(AccessKey::new(key)?))).await
    }

    /// Returns what is cached, and starts a refresh of a stale user in the background.
    pub(super) fn cached(
        &self,
        key: Key,
        lookup: impl FnOnce() -> Lookup,
    ) -> Option<Result<UserInfo, AuthError>> {
        match self.inner.core.cache.get(key) {
            Cached::Fresh(user) => Some(Ok(user)),
            Cached::Stale(user) => {
                // A cached credential was well-formed: no check again.
                self.refresh(key, lookup());
                Some(Ok(user))
            }
            Cached::Negative(error) => Some(Err(error)),
            Cached::Miss => None,
        }
    }

    /// Starts a refresh, for which nobody waits: at half load, at capacity and outside a runtime, the next request tries
    /// again.
    fn refresh(&self, key: Key, lookup: Lookup) {
        let inner = &self.inner;
        if inner.shares.is_busy()
            || inner.core.api.is_busy()
            || inner.core.cache.pauses().error(key).is_some()
        {
            return;
        }
        // Known, even if the cache has forgotten that.
        let subject = Subject { owner: Owner::Known, ..inner.core.subject(key) };
        let _ = inner.lookups.start(key, || self.lookup_task(key, lookup, subject));
    }

    pub(super) async fn lookup(&self, lookup: Lookup) -> Result<UserInfo, AuthError> {
        let cache = &self.inner.core.cache;
        let key = self.inner.core.key(&lookup);
        if let Some(cached) = self.cached(key, || lookup.clone()) {
            return cached;
        }
        let result = match cache.pauses().error(key) {
            Some(error) => Err(error),
            None => self.join_lookup(key, &lookup).await,
        };
        result.or_else(|error| match cache.stale(key) {
            // Whatever is at fault: a known user is served as in an outage.
            Some((user, _)) if !is_rejection(&error) => {
                tracing::debug!(%error, user_id = %user.id(), "no lookup: serving the stale user");
                Ok(user)
            }
            _ => Err(error),
        })
    }

    async fn join_lookup(&self, key: Key, lookup: &Lookup) -> Result<UserInfo, AuthError> {
        let (inner, cache) = (&self.inner, &self.inner.core.cache);
        let subject = inner.core.subject(key);
        let mut was_cancelled = false;
        for _ in 0..ATTEMPTS {
            let task = || self.lookup_task(key, lookup.clone(), subject);
            let LookupOutcome { result, epoch } =
                match inner.lookups.join_within(inner.patience, key, task).await {
                    Ok(outcome) => outcome,
                    Err(FlightError::AtCapacity) => {
                        return Err(unavailable(
                            "at capacity: too many lookups are in flight (`max_concurrent_lookups`)",
                        ));
                    }
                    // The runtime of another caller is gone, or stands still: this caller's own is there.
                    Err(FlightError::Cancelled) if !was_cancelled => {
                        was_cancelled = true;
                        continue;
                    }
                    Err(FlightError::Cancelled) => {
                        return Err(
                            AuthError::new(ErrorKind::Internal).with_detail("the lookup was cancelled twice")
                        );
                    }
                };
            match result {
                Ok(user) if cache.is_invalidated(key, &user, epoch) => {}
                Err(error) if is_rejection(&error) && cache.is_negative_invalidated(key, epoch) => {}
                result => return result,
            }
        }
        Err(unavailable("the user was invalidated during each attempt to look them up"))
    }

    fn lookup_task(
        &self,
        key: Key,
        lookup: Lookup,
        subject: Subject,
    ) -> Result<impl Future<Output = LookupOutcome> + Send + 'static, FlightError> {
        let share = self.inner.shares.try_acquire(subject.owner).ok_or(FlightError::AtCapacity)?;
        let fetching = fetch_and_cache(self.inner.core.clone(), key, lookup, subject);
        Ok(async move {
            let _share = share;
            fetching.await
        })
    }
}

impl Verify<BearerToken> for AuthClient {
    fn try_verify(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        let key = self.inner.core.cache.key(Kind::Token, token.as_bytes());
        self.cached(key, || Lookup::Credential(Credential::Bearer(token.clone())))
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.lookup(Lookup::Credential(Credential::Bearer(token))).await
    }

    fn app_id(&self) -> Option<Arc<str>> {
        Some(self.inner.core.app_id.clone())
    }

    fn directory(&self) -> Option<Directory> {
        Some(Directory::new(self.clone()))
    }
}

impl Verify<AccessKey> for AuthClient {
    fn try_verify(&self, key: &AccessKey) -> Option<Result<UserInfo, AuthError>> {
        let hash = self.inner.core.cache.key(Kind::AccessKey, key.as_bytes());
        self.cached(hash, || Lookup::Credential(Credential::AccessKey(key.clone())))
    }

    async fn verify(&self, key: AccessKey) -> Result<UserInfo, AuthError> {
        self.lookup(Lookup::Credential(Credential::AccessKey(key))).await
    }

    fn app_id(&self) -> Option<Arc<str>> {
        Some(self.inner.core.app_id.clone())
    }

    fn directory(&self) -> Option<Directory> {
        Some(Directory::new(self.clone()))
    }
}

/// Fetches from the auth center and caches the result. Runs in a task of its own, in the context of the first caller.
fn fetch_and_cache(
    core: Arc<Core>,
    key: Key,
    lookup: Lookup,
    subject: Subject,
) -> impl Future<Output = LookupOutcome> + Send + 'static {
    async move {
        let epoch = core.cache.epoch();
        // An earlier lookup may have ended since the caller missed the cache.
        match core.cache.get(key) {
            Cached::Fresh(user) => return LookupOutcome { result: Ok(user), epoch },
            Cached::Negative(error) => return LookupOutcome { result: Err(error), epoch },
            Cached::Stale(_) | Cached::Miss => {}
        }
        let CallError { error, pause } = match core.fetch(&lookup, subject).await {
            Ok(Fetched { user, limit }) => {
                core.cache.insert(key, &user, limit, epoch);
                return LookupOutcome { result: Ok(user), epoch };
            }
            Err(failed) => failed,
        };
        if is_rejection(&error) {
            core.cache.insert_negative(key, &error.clone().without_data(), epoch);
            return LookupOutcome { result: Err(error), epoch };
        }
        if let Some(pause) = pause {
            core.cache.pauses().start(key, &error.clone().without_data(), pause);
        }
        match core.cache.stale(key) {
            Some((user, epoch)) => {
                core.cache.postpone_refresh(key);
                tracing::debug!(%error, user_id = %user.id(), "lookup failed: serving the stale user");
                LookupOutcome { result: Ok(user), epoch }
            }
            None => LookupOutcome { result: Err(error), epoch },
        }
    }
    .in_current_context()
}

impl Core {
    async fn fetch(&self, lookup: &Lookup, subject: Subject) -> Result<Fetched, CallError> {
        let credential = match lookup {
            Lookup::Credential(credential) => credential,
            Lookup::UserId(id) => return user_by_id::fetch(self, id, subject).await,
        };
        let fetched = match credential {
            Credential::Bearer(token) => self.fetch_user(token.as_str(), subject).await,
            Credential::AccessKey(key) => access_key::fetch(self, key.as_str(), subject).await,
        };
        fetched.map_err(|CallError { error, pause }| {
            let was_rejected = error.kind() == ErrorKind::Rejected;
            let error = verdict(error, credential);
            // A business code that says nothing about the credential.
            let is_unclear = was_rejected && error.kind() == ErrorKind::Unavailable;
            CallError { pause: pause.or(is_unclear.then_some(UNCLEAR_PAUSE)), error }
        })
    }

    async fn fetch_user(&self, token: &str, subject: Subject) -> Result<Fetched, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            #[serde(flatten)]
            user: UserInfo,
            #[serde(default)]
            expires_at: Option<serde_json::Value>,
        }

        let body = serde_json::json!({ "token": token });
        let call = Call::new("/user/info", &body).secret(token).about(subject);
        let Record(Data { mut user, expires_at }) = self.api.lookup(call).await?;
        self.cache.intern_lists(&mut user);
        let expires_at = expires_at.as_ref().and_then(expiry::parse);
        let limit = [expires_at, expiry::of_jwt(token)].into_iter().flatten().min();
        Ok(Fetched { user, limit })
    }
}

fn unavailable(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::Unavailable).with_detail(detail)
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use super::*;
    use crate::testing::{self, AuthCenter};

    #[tokio::test]
    async fn lookup_that_starts_as_another_ends_uses_the_cache() {
        let center = AuthCenter::start().await;
        center.add_user(testing::user("alice"));
        center.add_token("token", "alice");
        let client = AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build().unwrap();
        for (token, accepted) in [("token", true), ("another", false)] {
            center.clear_requests();
            let lookup = Lookup::Credential(Credential::new(token).unwrap());
            let key = client.inner.core.key(&lookup);
            for _ in 0..2 {
                // As a caller that has just missed the cache.
                let task = || client.lookup_task(key, lookup.clone(), client.inner.core.subject(key));
                let joined = client.inner.lookups.join_within(client.inner.patience, key, task).await;
                assert_eq!(joined.ok().map(|outcome| outcome.result.is_ok()), Some(accepted));
            }
            assert_eq!(center.calls("/user/info"), 1);
        }
    }
}
