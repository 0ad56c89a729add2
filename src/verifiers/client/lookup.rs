//! Look up users at the auth center.

use std::sync::Arc;

use serde::Serialize;

use super::client::AuthClient;
use super::core::{Core, Lookup, id_bytes};
use super::verdict::{UNCLEAR_PAUSE, verdict};
use super::{access_key, user_by_id};
use crate::ports::observer::{BreakerState, LookedUp, Observer};
use crate::ports::user_directory::Directory;
use crate::ports::verify::Verify;
use crate::types::credential::{AccessKey, BearerToken, Credential};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::upstream::api_client::{Call, CallError, UserOfCredential};
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::expiry;
use crate::upstream::identity_cache::{IdentityCache, Key, Kind};
use crate::upstream::lookups::{Backend, Fetch, Fetched, key_of, what_of};
#[cfg(feature = "redis")]
use crate::upstream::shared_cache::SharedCache;

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

    /// Returns the user of a credential of either kind, such as [`context::credential`](crate::context::credential): from the
    /// cache or the auth center.
    ///
    /// # Errors
    /// As [`AuthClient::user_info`] and [`AuthClient::access_key_user`].
    pub async fn user_of(&self, credential: &Credential) -> Result<UserInfo, AuthError> {
        self.lookup(Lookup::Credential(credential.clone())).await
    }

    /// Waits until a credential is no longer valid, to end what outlives a request: a WebSocket, a stream, a long job. Returns
    /// the reason.
    ///
    /// Ends when the credential ends ([`UserInfo::valid_until`]); when a verification rejects it, such as after the user was
    /// disabled; and at once if it is rejected already. It is verified again when the user or the credential is invalidated,
    /// such as by a webhook: within half a second and the time of the call; otherwise once in the cache's TTL.
    /// Where it is accepted past its end, for the auth center's date is behind, it is verified every 5 s.
    ///
    /// An outage ends it only if the credential's own end falls into it: otherwise it waits on, past the end of
    /// stale-if-error too, for the answer to a request may be 503, and a socket that was closed could not be opened again.
    ///
    /// All that wait for one credential make one lookup in a TTL, and none if requests keep it cached. Each looks at the
    /// cache two to four times a second, which takes about two microseconds, and starts no task: drop it when the socket is
    /// closed. It holds a clone of the client. With a TTL of zero, each makes a call of its own every 30 s.
    ///
    /// ```
    /// use std::pin::pin;
    ///
    /// use aigc_auth::{AuthClient, context};
    /// # async fn next_message() -> Option<String> { None }
    /// # async fn close(code: u16) {}
    ///
    /// /// Run by `upgrade.on_upgrade(context::carry(…))`.
    /// async fn serve_socket(client: AuthClient) {
    ///     let Some(credential) = context::credential() else { return };
    ///     let mut revoked = pin!(client.revoked(&credential));
    ///     loop {
    ///         tokio::select! {
    ///             reason = &mut revoked => {
    ///                 println!("closed: {reason}");
    ///                 return close(1008).await; // policy violation (RFC 6455 section 7.4.1)
    ///             }
    ///             message = next_message() => match message {
    ///                 Some(message) => println!("{message}"),
    ///                 None => return,
    ///             },
    ///         }
    ///     }
    /// }
    /// ```
    pub fn revoked(
        &self,
        credential: &Credential,
    ) -> impl Future<Output = AuthError> + Send + 'static + use<> {
        // Detached: the header that it may be a part of would stay in memory for as long as the socket.
        let (client, credential) = (self.clone(), credential.clone().detached());
        async move { client.inner.lookups.revoked(Lookup::Credential(credential)).await }
    }

    pub(super) async fn lookup(&self, lookup: Lookup) -> Result<UserInfo, AuthError> {
        self.inner.lookups.lookup(lookup).await
    }
}

impl Verify<BearerToken> for AuthClient {
    fn try_verify(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        let key = self.inner.core.cache.key(Kind::Token, token.as_bytes());
        self.inner.lookups.cached(key, || Lookup::Credential(Credential::Bearer(token.clone())))
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

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.watch().observer()
    }
}

impl Verify<AccessKey> for AuthClient {
    fn try_verify(&self, key: &AccessKey) -> Option<Result<UserInfo, AuthError>> {
        let hash = self.inner.core.cache.key(Kind::AccessKey, key.as_bytes());
        self.inner.lookups.cached(hash, || Lookup::Credential(Credential::AccessKey(key.clone())))
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

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.watch().observer()
    }
}

impl Backend for Core {
    type Value = UserInfo;

    fn cache(&self) -> &IdentityCache {
        &self.cache
    }

    fn is_busy(&self) -> bool {
        self.api.is_busy()
    }

    fn load(&self) -> (usize, usize, Vec<(&'static str, BreakerState)>) {
        self.api.load()
    }

    #[cfg(feature = "redis")]
    fn shared(&self) -> Option<&SharedCache<UserInfo>> {
        self.shared.as_ref()
    }
}

impl Fetch<Lookup> for Core {
    fn what(lookup: &Lookup) -> LookedUp {
        match lookup {
            Lookup::Credential(credential) => what_of(credential),
            Lookup::UserId(_) => LookedUp::UserId,
        }
    }

    fn key(&self, lookup: &Lookup) -> Key {
        match lookup {
            Lookup::Credential(credential) => key_of(&self.cache, credential),
            Lookup::UserId(id) => self.cache.key(Kind::UserId, &id_bytes(id)),
        }
    }

    async fn fetch(&self, lookup: Lookup, subject: Subject) -> Result<Fetched, CallError> {
        let credential = match lookup {
            Lookup::Credential(credential) => credential,
            Lookup::UserId(id) => return user_by_id::fetch(self, &id, subject).await,
        };
        let fetched = match &credential {
            Credential::Bearer(token) => self.fetch_user(token.as_str(), subject).await,
            Credential::AccessKey(key) => access_key::fetch(self, key.as_str(), subject).await,
        };
        let named = |mut fetched: Fetched| {
            if let Some(end) = fetched.limit {
                fetched.value.set_valid_until(end);
            }
            fetched
        };
        fetched.map(named).map_err(|CallError { error, pause }| {
            let was_rejected = error.kind() == ErrorKind::Rejected;
            let error = verdict(error, &credential);
            // A business code that says nothing about the credential.
            let is_unclear = was_rejected && error.kind() == ErrorKind::Unavailable;
            CallError { pause: pause.or(is_unclear.then_some(UNCLEAR_PAUSE)), error }
        })
    }
}

impl Core {
    async fn fetch_user(&self, token: &str, subject: Subject) -> Result<Fetched, CallError> {
        #[derive(Serialize)]
        struct Body<'a> {
            token: &'a str,
        }

        let body = Body { token };
        let call = Call::new("/user/info", &body).secret(token).about(subject);
        let UserOfCredential { user: mut value, expires_at } = self.api.lookup(call).await?;
        self.cache.intern_lists(&mut value);
        let expires_at = expires_at.as_ref().and_then(expiry::parse);
        let limit = [expires_at, expiry::of_jwt(token)].into_iter().flatten().min();
        Ok(Fetched { value, limit })
    }
}
