use std::fmt;
use std::sync::Arc;

use super::verifier::ServiceVerifier;
use crate::ports::invalidate::{Invalidate, SpreadError};
use crate::ports::invalidation::Invalidation;
use crate::ports::observer::Observer;
use crate::ports::user_directory::Directory;
use crate::ports::verify::Verify;
use crate::types::claims::shown;
use crate::types::credential::{AccessKey, BearerToken};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;

/// Verifies the tokens of services here, and has another verifier verify those of users: for routes that take both.
///
/// A token that has the subject or the audience of services belongs here, whoever has signed it, and is not shown to the other
/// verifier: if it has not both, it is rejected. All other credentials are the other's, and so are
/// [`app_id`](Verify::app_id), [`directory`](Verify::directory) and invalidations. Should the other verifier say that a user's
/// id is the subject of a service, the credential is rejected as well.
///
/// ```
/// use aigc_auth::jwt::JwtVerifier;
/// use aigc_auth::service::{ServiceVerifier, WithServices};
/// use aigc_auth::{AuthClient, AuthLayer};
///
/// let keys = JwtVerifier::from_jwks("https://frontend.internal/.well-known/jwks.json");
/// let services = ServiceVerifier::builder(keys, "orders").build()?;
/// let center = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth").build()?;
/// let layer = AuthLayer::new(WithServices::new(center, services));
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone)]
pub struct WithServices<V> {
    users: V,
    services: ServiceVerifier,
}

impl<V> WithServices<V> {
    /// Verifies users by `users`, and services by `services`.
    pub fn new(users: V, services: ServiceVerifier) -> Self {
        Self { users, services }
    }

    /// Returns the verifier of users.
    pub fn users(&self) -> &V {
        &self.users
    }

    /// Rejects a user whose id is a service's: both would be one in logs and in tables.
    fn check(&self, verified: Result<UserInfo, AuthError>) -> Result<UserInfo, AuthError> {
        let verified = verified?;
        match verified.id().as_str() {
            Some(id) if !verified.is_service() && self.services.rules.is_subject(id) => {
                let found = shown(id);
                Err(AuthError::new(ErrorKind::InvalidCredential)
                    .with_detail(format!("expected a user's id, found the subject of a service: {found}")))
            }
            _ => Ok(verified),
        }
    }
}

impl<V: Verify<BearerToken>> Verify<BearerToken> for WithServices<V> {
    fn try_verify(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        if self.services.is_for(token) {
            return self.services.try_verify(token);
        }
        self.users.try_verify(token).map(|verified| self.check(verified))
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        if self.services.is_for(&token) {
            return self.services.verify(token).await;
        }
        self.check(self.users.verify(token).await)
    }

    fn app_id(&self) -> Option<Arc<str>> {
        self.users.app_id()
    }

    fn directory(&self) -> Option<Directory> {
        self.users.directory()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.users.observer().or_else(|| Verify::<BearerToken>::observer(&self.services))
    }
}

impl<V: Verify<AccessKey>> Verify<AccessKey> for WithServices<V> {
    fn try_verify(&self, key: &AccessKey) -> Option<Result<UserInfo, AuthError>> {
        self.users.try_verify(key).map(|verified| self.check(verified))
    }

    async fn verify(&self, key: AccessKey) -> Result<UserInfo, AuthError> {
        self.check(self.users.verify(key).await)
    }

    fn app_id(&self) -> Option<Arc<str>> {
        self.users.app_id()
    }

    fn directory(&self) -> Option<Directory> {
        self.users.directory()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.users.observer().or_else(|| Verify::<BearerToken>::observer(&self.services))
    }
}

impl<V: Invalidate> Invalidate for WithServices<V> {
    fn apply(&self, invalidation: &Invalidation) {
        self.users.apply(invalidation);
    }

    fn apply_here(&self, invalidation: &Invalidation) {
        self.users.apply_here(invalidation);
    }

    fn spread(&self) -> impl Future<Output = Result<(), SpreadError>> + Send {
        self.users.spread()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.users.observer()
    }
}

impl<V: fmt::Debug> fmt::Debug for WithServices<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithServices").field("users", &self.users).field("services", &self.services).finish()
    }
}
