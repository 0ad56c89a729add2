//! Tokens verified here, without asking anybody: by a secret, a public key, or the key set that the issuer publishes.
//!
//! [`JwtVerifier`] takes the place of the `AuthClient` in [`AuthLayer::new`](crate::AuthLayer::new). Everything above it
//! stays the same: extractors, permissions, [context](crate::context), [`ActAsUser`](crate::ActAsUser).
//!
//! # What is refused
//!
//! Tokens without `exp` or `sub`, expired ones, those that are not valid yet (`nbf`) or issued in the future (`iat`), those
//! for another audience or of another issuer than configured, dates that are not numbers, claims that stand twice,
//! extensions (`crit`), and whatever is not base64url without padding, to the last bit. The algorithm is the key's and the
//! configuration's; what a token says of its own algorithm is only compared with that. Keys that a token brings along are
//! not looked at.
//!
//! A token is good until it expires: nobody is asked whether its user has been disabled since. Keep tokens short-lived, or
//! use the `AuthClient`.
//!
//! # Key sets
//!
//! The set is fetched with the first token and kept for 10 minutes, from 8 on renewed in the background. A token
//! that names an unknown key has it fetched at once, but not within 30 s of the last time, however many ask. A key that
//! has left the set is good for nothing from the next fetch on. While the issuer cannot be reached, the last set stands,
//! and tokens of unknown keys are answered 503. Keys for encryption, secrets, RSA under 2048 bits and unknown kinds
//! are passed over.

mod algorithm;
mod builder;
mod claims;
mod jwks;
mod key;
mod key_set;
mod object;
mod rules;
mod token;
mod user;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::de::DeserializeOwned;

pub use algorithm::Algorithm;
pub use builder::JwtVerifierBuilder;
pub use claims::Claims;
pub use user::user_of;

use crate::cache::{Cache, Kind, Known};
use crate::clock::Clock;
use crate::credential::{AccessKey, BearerToken};
use crate::error::{AuthError, ErrorKind};
use crate::user::UserInfo;
use crate::verify::Verify;
use builder::{From, MapClaims};
use jwks::Jwks;
use key::Key;
use rules::Rules;
use token::Token;

/// Verifies tokens (JWT, RFC 7519) on its own. Cheap to clone; clones share keys and memory.
///
/// ```
/// use aigc_auth::AuthLayer;
/// use aigc_auth::jwt::JwtVerifier;
///
/// let verifier = JwtVerifier::from_secret(std::env::var("JWT_SECRET").unwrap_or("x".repeat(32)))
///     .issuer("https://login.example.com")
///     .build()?;
/// // Access keys are refused, unless an `AuthClient` verifies them: `.with_access_keys(client)`.
/// let layer = AuthLayer::new(verifier);
/// # Ok::<(), aigc_auth::BuildError>(())
/// ```
#[derive(Clone)]
pub struct JwtVerifier {
    inner: Arc<Inner>,
}

struct Inner {
    keys: Keys,
    rules: Rules,
    map: Arc<MapClaims>,
    cache: Arc<Cache>,
    clock: Clock,
}

enum Keys {
    One(Box<Key>),
    Set(Jwks),
}

impl JwtVerifier {
    /// Starts a verifier of tokens that are signed by a shared secret: `HS256`, and a secret of 32 bytes or more.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(From::Secret(secret.as_ref().to_vec()))
    }

    /// Starts a verifier of tokens that are signed by the private half of this key: PEM (`BEGIN PUBLIC KEY`) of RSA from
    /// 2048 bits, P-256, P-384 or Ed25519.
    pub fn from_public_key(pem: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(From::PublicKey(pem.as_ref().to_vec()))
    }

    /// Starts a verifier of tokens that are signed by one of the keys at this URL (JWKS, RFC 7517).
    pub fn from_jwks(url: impl Into<String>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(From::Jwks(url.into()))
    }

    /// The user of a token.
    ///
    /// # Errors
    /// [`InvalidCredential`](ErrorKind::InvalidCredential), whose detail says what is wrong with the token;
    /// [`Unavailable`](ErrorKind::Unavailable) if its key would have to be fetched and cannot be; whatever
    /// [`map_claims`](JwtVerifierBuilder::map_claims) refuses with.
    pub async fn user_info(&self, token: &str) -> Result<UserInfo, AuthError> {
        self.find(&BearerToken::new(token)?).await
    }

    /// The claims of a token, read as a `T`. For handlers, see [`Claims`].
    ///
    /// # Errors
    /// As [`JwtVerifier::user_info`]; [`Denied`](ErrorKind::Denied) if the claims are not a `T`.
    pub async fn claims<T: DeserializeOwned>(&self, token: &str) -> Result<T, AuthError> {
        claims::read(&self.user_info(token).await?)
    }

    /// Fetches the key set now, to be ready for the first request, or to fail early at start. Unless there was a fetch
    /// within the last 30 s: then its outcome counts. Does nothing for secrets and public keys.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable), whose detail says why.
    pub async fn fetch_keys(&self) -> Result<(), AuthError> {
        match &self.inner.keys {
            Keys::One(_) => Ok(()),
            Keys::Set(jwks) => {
                jwks.fetch().await;
                jwks.outcome()
            }
        }
    }

    async fn find(&self, token: &BearerToken) -> Result<UserInfo, AuthError> {
        if let Some(verdict) = self.inner.look(token.as_bytes(), false) {
            return verdict;
        }
        if let Keys::Set(jwks) = &self.inner.keys {
            jwks.fetch().await;
        }
        let lost = || {
            Err(AuthError::new(ErrorKind::Internal).with_detail("the fetch of the key set brought nothing"))
        };
        self.inner.look(token.as_bytes(), true).unwrap_or_else(lost)
    }
}

impl Inner {
    /// Who it is; `None` if keys have to be fetched first, which is never so once they were.
    fn look(&self, token: &[u8], fetched: bool) -> Option<Result<UserInfo, AuthError>> {
        let key = self.cache.key(Kind::Token, token);
        if let Known::User(user) | Known::Ageing(user) = self.cache.get(key) {
            return Some(Ok(user));
        }
        // Before a key is looked up: one that is lost meanwhile takes this user along.
        let epoch = self.cache.epoch();
        match self.open(token, fetched) {
            Ok(Some((user, until))) => {
                self.cache.keep(key, &user, until, epoch);
                Some(Ok(user))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// The user of a token, and until when he may be believed.
    fn open(&self, token: &[u8], fetched: bool) -> Result<Option<(UserInfo, Option<SystemTime>)>, AuthError> {
        let token = Token::parse(token)?;
        let (payload, key_until) = match &self.keys {
            Keys::One(key) => (token.open(key)?, None),
            Keys::Set(jwks) => match jwks.open(&token, fetched)? {
                Some((payload, until)) => (payload, Some(until)),
                None => return Ok(None),
            },
        };
        let not_an_object = || invalid("its payload is not a JSON object whose names stand once each");
        let claims = object::parse(&payload).ok_or_else(not_an_object)?;
        let exp = self.rules.check(&claims, self.clock.today())?;
        user::subject(&claims)?;
        let mut user = (self.map)(&claims)?;
        user.set_claims(String::from_utf8(payload).map_err(|_| not_an_object())?);
        self.cache.share_lists(&mut user);
        Ok(Some((user, [exp, key_until].into_iter().flatten().min())))
    }
}

impl Verify<BearerToken> for JwtVerifier {
    /// Verifies at once, if the key is there: that is sooner done than waiting for it.
    fn known(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        self.inner.look(token.as_bytes(), false)
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.find(&token).await
    }
}

/// Refuses all access keys, so that `AuthLayer::new(verifier)` does without them;
/// [`with_access_keys`](crate::AuthLayer::with_access_keys) takes its place.
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
            Keys::One(_) => debug.field("keys", &"one"),
            Keys::Set(jwks) => debug.field("keys", jwks),
        };
        debug
            .field("rules", &self.inner.rules)
            .field("cached", &self.inner.cache.len())
            .finish_non_exhaustive()
    }
}

fn invalid(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::InvalidCredential).with_detail(detail)
}
