use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::de::DeserializeOwned;

use super::claims;
use super::claims_mapping::{self, MapClaims};
use super::error::invalid_token;
use super::jwks::Jwks;
use super::key::VerificationKey;
use super::token::Token;
use super::unique_json;
use super::validation::Validation;
use crate::ports::verify::Verify;
use crate::types::credential::{AccessKey, BearerToken};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::upstream::identity_cache::{Cached, IdentityCache, Kind};
use crate::util::clock::Clock;

/// Verifies JSON Web Tokens (RFC 7519) locally. Cheap to clone; clones share keys and cache.
///
/// ```
/// use aigc_auth::AuthLayer;
/// use aigc_auth::jwt::JwtVerifier;
///
/// let verifier = JwtVerifier::from_secret(std::env::var("JWT_SECRET").unwrap_or("x".repeat(32)))
///     .issuer("https://login.example.com")
///     .build()?;
/// // Access keys are rejected, unless an `AuthClient` verifies them: `.with_access_keys(client)`.
/// let layer = AuthLayer::new(verifier);
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone)]
pub struct JwtVerifier {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) keys: Keys,
    pub(super) validation: Validation,
    pub(super) map_claims: Arc<MapClaims>,
    pub(super) cache: Arc<IdentityCache>,
    pub(super) clock: Clock,
}

pub(super) enum Keys {
    Static(Box<VerificationKey>),
    Remote(Jwks),
}

impl JwtVerifier {
    /// Verifies a token and returns its user.
    ///
    /// # Errors
    /// - [`InvalidCredential`](ErrorKind::InvalidCredential) if the token is rejected; the detail gives the reason.
    /// - [`Unavailable`](ErrorKind::Unavailable) if the token's key is not cached and cannot be fetched.
    /// - Any error that [`map_claims`](super::JwtVerifierBuilder::map_claims) returns.
    pub async fn user_info(&self, token: &str) -> Result<UserInfo, AuthError> {
        self.verify_token(&BearerToken::new(token)?).await
    }

    /// Verifies a token and deserializes its claims into a `T`. Handlers use the extractor [`Claims`](super::Claims).
    ///
    /// # Errors
    /// As [`JwtVerifier::user_info`]; [`Denied`](ErrorKind::Denied) if the claims do not deserialize into a `T`.
    pub async fn claims<T: DeserializeOwned>(&self, token: &str) -> Result<T, AuthError> {
        claims::deserialize(&self.user_info(token).await?)
    }

    /// Fetches the key set now, so that the first request does not wait for it, or to fail early at startup.
    ///
    /// Within 30 s of the last fetch, returns the outcome of that fetch instead. Does nothing for secrets and public keys.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if the fetch failed; the detail gives the reason.
    pub async fn fetch_keys(&self) -> Result<(), AuthError> {
        match &self.inner.keys {
            Keys::Static(_) => Ok(()),
            Keys::Remote(jwks) => {
                jwks.fetch().await;
                jwks.last_outcome()
            }
        }
    }

    async fn verify_token(&self, token: &BearerToken) -> Result<UserInfo, AuthError> {
        if let Some(verified) = self.inner.verify(token.as_bytes(), false) {
            return verified;
        }
        if let Keys::Remote(jwks) = &self.inner.keys {
            jwks.fetch().await;
        }
        let no_outcome = || {
            Err(AuthError::new(ErrorKind::Internal).with_detail("the fetch of the key set had no outcome"))
        };
        self.inner.verify(token.as_bytes(), true).unwrap_or_else(no_outcome)
    }
}

impl Inner {
    /// Returns the cached user of a token, or verifies it. `None` if keys have to be fetched first, which never happens
    /// with `fetched`.
    fn verify(&self, token: &[u8], fetched: bool) -> Option<Result<UserInfo, AuthError>> {
        let key = self.cache.key(Kind::Token, token);
        if let Cached::Fresh(user) | Cached::Stale(user) = self.cache.get(key) {
            return Some(Ok(user));
        }
        // Before the key is looked up: if that key leaves the set meanwhile, this user is invalidated with it.
        let epoch = self.cache.epoch();
        match self.decode(token, fetched) {
            Ok(Some((user, valid_until))) => {
                self.cache.insert(key, &user, valid_until, epoch);
                Some(Ok(user))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Returns the user of a token, and until when the user may be cached.
    fn decode(
        &self,
        token: &[u8],
        fetched: bool,
    ) -> Result<Option<(UserInfo, Option<SystemTime>)>, AuthError> {
        let token = Token::parse(token)?;
        let (payload, key_valid_until) = match &self.keys {
            Keys::Static(key) => (token.verified_payload(key)?, None),
            Keys::Remote(jwks) => match jwks.verified_payload(&token, fetched)? {
                Some((payload, valid_until)) => (payload, Some(valid_until)),
                None => return Ok(None),
            },
        };
        let not_an_object =
            || invalid_token("malformed JWT payload: expected a JSON object with unique member names");
        let claims = unique_json::parse(&payload).ok_or_else(not_an_object)?;
        let exp = self.validation.validate(&claims, self.clock.today())?;
        claims_mapping::subject(&claims)?;
        let mut user = (self.map_claims)(&claims)?;
        user.set_claims(String::from_utf8(payload).map_err(|_| not_an_object())?);
        self.cache.intern_lists(&mut user);
        Ok(Some((user, [exp, key_valid_until].into_iter().flatten().min())))
    }
}

impl Verify<BearerToken> for JwtVerifier {
    /// Verifies the token at once if its key is cached: that takes less time than handing it to another task.
    fn try_verify(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        self.inner.verify(token.as_bytes(), false)
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.verify_token(&token).await
    }
}

/// Rejects all access keys, so that `AuthLayer::new(verifier)` works without a verifier for them.
/// [`with_access_keys`](crate::AuthLayer::with_access_keys) replaces it.
impl Verify<AccessKey> for JwtVerifier {
    async fn verify(&self, _: AccessKey) -> Result<UserInfo, AuthError> {
        Err(AuthError::new(ErrorKind::InvalidCredential)
            .with_detail("this service does not accept access keys"))
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("JwtVerifier");
        match &self.inner.keys {
            Keys::Static(_) => debug.field("keys", &"static"),
            Keys::Remote(jwks) => debug.field("keys", jwks),
        };
        debug
            .field("validation", &self.inner.validation)
            .field("cached", &self.inner.cache.len())
            .finish_non_exhaustive()
    }
}
