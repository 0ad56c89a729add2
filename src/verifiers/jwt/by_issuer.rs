use std::fmt;
use std::sync::Arc;

use super::verdict::Verdict;
use super::verifier::JwtVerifier;
use crate::ports::invalidate::{Invalidate, SpreadError};
use crate::ports::invalidation::Invalidation;
use crate::ports::observer::Observer;
use crate::ports::user_directory::Directory;
use crate::ports::verify::Verify;
use crate::types::credential::{AccessKey, BearerToken};
use crate::types::error::AuthError;
use crate::types::user::UserInfo;

/// Verifies the JWTs of known issuers here, and has another verifier verify all other tokens: opaque ones, and JWTs of other
/// issuers.
///
/// What a token is decides who verifies it, once and for all: a token that its verifier rejects is not shown to the other. A JWT
/// belongs here if one of the [`JwtVerifier`]'s sources is for its `iss`, or takes any issuer: a verifier without
/// [`issuer`](super::JwtVerifierBuilder::issuer) takes all JWTs, so that the shape alone decides. Encrypted tokens (JWE) and
/// those that only look like a JWT go to the other.
///
/// Access keys, [`app_id`](Verify::app_id), [`directory`](Verify::directory) and invalidations are the other's.
///
/// ```
/// use aigc_auth::jwt::{ByIssuer, JwtVerifier};
/// use aigc_auth::{AuthClient, AuthLayer};
///
/// let jwts = JwtVerifier::from_issuer("https://login.example.com").audience("https://api.example.com").build()?;
/// let center = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth").build()?;
/// let layer = AuthLayer::new(ByIssuer::new(jwts, center));
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
///
/// For opaque tokens that are introspected: `ByIssuer::new(jwts, Cached::new(introspection))`, so that only the answers of the
/// endpoint are cached a second time.
#[derive(Clone)]
pub struct ByIssuer<V> {
    jwts: JwtVerifier,
    other: V,
}

impl<V> ByIssuer<V> {
    /// Verifies JWTs of the issuers of `jwts` here, and all other tokens by `other`.
    pub fn new(jwts: JwtVerifier, other: V) -> Self {
        Self { jwts, other }
    }

    /// Returns the verifier of other tokens.
    pub fn other(&self) -> &V {
        &self.other
    }
}

impl<V: Verify<BearerToken>> Verify<BearerToken> for ByIssuer<V> {
    fn try_verify(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        match self.jwts.verify_own(token) {
            Verdict::Done(verified) => Some(verified),
            Verdict::Pending | Verdict::Unchecked(_) => None,
            Verdict::NotOwn => self.other.try_verify(token),
        }
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        match self.jwts.verify_own(&token) {
            Verdict::Done(verified) => verified,
            Verdict::Pending | Verdict::Unchecked(_) => self.jwts.verify(token).await,
            Verdict::NotOwn => self.other.verify(token).await,
        }
    }

    fn app_id(&self) -> Option<Arc<str>> {
        self.other.app_id()
    }

    fn directory(&self) -> Option<Directory> {
        self.other.directory()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.other.observer().or_else(|| Verify::<BearerToken>::observer(&self.jwts))
    }
}

impl<V: Verify<AccessKey>> Verify<AccessKey> for ByIssuer<V> {
    fn try_verify(&self, key: &AccessKey) -> Option<Result<UserInfo, AuthError>> {
        self.other.try_verify(key)
    }

    async fn verify(&self, key: AccessKey) -> Result<UserInfo, AuthError> {
        self.other.verify(key).await
    }

    fn app_id(&self) -> Option<Arc<str>> {
        self.other.app_id()
    }

    fn directory(&self) -> Option<Directory> {
        self.other.directory()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.other.observer().or_else(|| Verify::<BearerToken>::observer(&self.jwts))
    }
}

impl<V: Invalidate> Invalidate for ByIssuer<V> {
    fn apply(&self, invalidation: &Invalidation) {
        self.other.apply(invalidation);
    }

    fn apply_here(&self, invalidation: &Invalidation) {
        self.other.apply_here(invalidation);
    }

    fn spread(&self) -> impl Future<Output = Result<(), SpreadError>> + Send {
        self.other.spread()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.other.observer()
    }
}

impl<V: fmt::Debug> fmt::Debug for ByIssuer<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByIssuer").field("jwts", &self.jwts).field("other", &self.other).finish()
    }
}
