use std::fmt;
use std::sync::Arc;

use futures_util::future::join_all;
use serde::de::DeserializeOwned;

use super::claims;
use super::error::{Rejection, Rejections};
use super::jwks::Fetch;
use super::revocation::{RevocationCheck, revoked};
use super::source::{Decoded, Keys, Source};
use super::token::Token;
use super::verdict::Verdict;
use crate::ports::observer::Watch;
use crate::types::credential::BearerToken;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::revocation::RevocationStatus;
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
    /// One at least, and [`MAX_SOURCES`] at most.
    pub(super) sources: Vec<Source>,
    pub(super) cache: Arc<IdentityCache>,
    /// Unless the TTL is zero.
    pub(super) is_caching: bool,
    pub(super) clock: Clock,
    pub(super) rejections: Rejections,
    pub(super) revocation: Option<RevocationCheck>,
    pub(super) watch: Watch,
}

/// So many sources of keys may one verifier have.
pub(super) const MAX_SOURCES: usize = 8;

/// What is known of the fetch of each source's keys.
pub(super) type Fetches = [Fetch; MAX_SOURCES];
pub(super) const PENDING: Fetches = [Fetch::Pending; MAX_SOURCES];

impl JwtVerifier {
    /// Verifies a token and returns its user.
    ///
    /// # Errors
    /// - [`Expired`](ErrorKind::Expired) if the token was valid, and [`InvalidCredential`](ErrorKind::InvalidCredential) if
    ///   it is rejected for another reason; the detail gives it, with what was expected and what was found.
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

    /// Fetches the key sets now, so that the first request does not wait for them, or to fail early at startup.
    ///
    /// Within 30 s of the last fetch, returns the outcome of that fetch instead. Does nothing for secrets and public keys.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if a fetch failed, or a set has no usable key; the detail gives the reason.
    pub async fn fetch_keys(&self) -> Result<(), AuthError> {
        for source in &self.inner.sources {
            if let Keys::Remote(jwks) = &source.keys {
                jwks.fetch().await;
                jwks.last_outcome()?;
            }
        }
        Ok(())
    }

    /// Verifies a token if it is a JWT of one of the issuers, without waiting.
    pub(super) fn verify_own(&self, token: &BearerToken) -> Verdict {
        // Neither hashed nor looked up here: it is the other verifier's.
        if !Token::has_shape(token.as_bytes()) {
            return Verdict::NotOwn;
        }
        self.inner.verify_if(token.as_bytes(), &PENDING, Inner::owns)
    }

    pub(super) async fn verify_token(&self, token: &BearerToken) -> Result<UserInfo, AuthError> {
        let started = self.inner.started();
        let mut verdict = self.inner.verify(token.as_bytes(), &PENDING);
        if matches!(verdict, Verdict::Pending) {
            let fetches = self.inner.fetch(token.as_bytes()).await;
            verdict = self.inner.verify(token.as_bytes(), &fetches);
        }
        match (verdict, &self.inner.revocation) {
            (Verdict::Done(verified), _) => verified,
            (Verdict::Unchecked(user), Some(revocation)) => {
                let verified = self.inner.logged(revocation.ask(user).await);
                self.inner.verified(&verified, started);
                verified
            }
            _ => {
                Err(AuthError::new(ErrorKind::Internal)
                    .with_detail("the fetch of the key set had no outcome"))
            }
        }
    }
}

impl Inner {
    /// Returns the cached user of a token, or verifies it.
    pub(super) fn verify(&self, token: &[u8], fetches: &Fetches) -> Verdict {
        self.verify_if(token, fetches, |_, _, _| true)
    }

    /// Does the same with a token that is its own.
    fn verify_if(
        &self,
        token: &[u8],
        fetches: &Fetches,
        owns: impl FnOnce(&Self, &[u8], &Result<Token<'_>, Rejection>) -> bool,
    ) -> Verdict {
        let key = self.is_caching.then(|| self.cache.key(Kind::Token, token));
        match key.map(|key| self.cache.get(key)) {
            Some(Cached::Fresh(user)) => return self.admit(user),
            Some(Cached::Watched(user) | Cached::Stale(user)) => return self.admit_watched(user),
            Some(Cached::Negative(_) | Cached::Miss) | None => {}
        }
        let started = self.started();
        // Before the key is looked up: if that key leaves the set meanwhile, this user is invalidated with it.
        let epoch = self.cache.epoch();
        let parsed = Token::parse(token);
        if !owns(self, token, &parsed) {
            return Verdict::NotOwn;
        }
        let verdict = match parsed.and_then(|token| self.marked(&token, self.decode(&token, fetches)?)) {
            Ok(Some((mut user, valid_until))) => {
                if let Some(key) = key {
                    self.cache.intern_lists(&mut user);
                    self.cache.insert(key, &user, valid_until, epoch);
                }
                self.admit(user)
            }
            Ok(None) => Verdict::Pending,
            Err(rejection) => Verdict::Done(self.logged(Err(rejection))),
        };
        if let Verdict::Done(verified) = &verdict {
            self.verified(verified, started);
        }
        verdict
    }

    /// Looks up whether a verified token was revoked.
    pub(super) fn admit(&self, user: UserInfo) -> Verdict {
        match self.revocation.as_ref().map(|revocation| revocation.status(&user)) {
            None | Some(RevocationStatus::Valid) => Verdict::Done(Ok(user)),
            Some(RevocationStatus::Revoked) => Verdict::Done(self.logged(Err(revoked()))),
            Some(RevocationStatus::Unknown) => Verdict::Unchecked(user),
        }
    }

    /// Notes what a verified token may be revoked by.
    fn marked(&self, token: &Token<'_>, decoded: Option<Decoded>) -> Result<Option<Decoded>, Rejection> {
        match (decoded, &self.revocation) {
            (Some((mut user, valid_until)), Some(revocation)) => {
                revocation.mark(token.claims()?, &mut user)?;
                Ok(Some((user, valid_until)))
            }
            (decoded, _) => Ok(decoded),
        }
    }

    fn logged(&self, verified: Result<UserInfo, Rejection>) -> Result<UserInfo, AuthError> {
        verified.map_err(|rejection| {
            self.rejections.log(&rejection);
            rejection.into()
        })
    }

    /// Whether one of the sources is for a token: of its issuer, or of any.
    fn owns(&self, token: &[u8], parsed: &Result<Token<'_>, Rejection>) -> bool {
        let is_for =
            |issuer: Option<&str>| self.sources.iter().any(|source| source.is_of(issuer).unwrap_or(true));
        match parsed {
            Ok(token) => is_for(token.unverified_issuer()),
            // One that cannot be accepted, such as for its `alg`, is rejected by whose it is all the same.
            Err(_) => Token::issuer_of_malformed(token).is_some_and(|issuer| is_for(issuer.as_deref())),
        }
    }

    fn decode(&self, token: &Token<'_>, fetches: &Fetches) -> Result<Option<Decoded>, Rejection> {
        let today = self.clock.today();
        self.by_its_source(token, fetches, |source, fetch| source.decode(token, fetch, today))
    }

    /// Has the source that has signed a token do this. `None` if keys have to be fetched first, while that is pending.
    pub(super) fn by_its_source<T>(
        &self,
        token: &Token<'_>,
        fetches: &Fetches,
        verify: impl Fn(&Source, Fetch) -> Result<Option<T>, Rejection>,
    ) -> Result<Option<T>, Rejection> {
        if let ([source], [fetch, ..]) = (&*self.sources, fetches) {
            return verify(source, *fetch);
        }
        let (mut pending, mut rejected) = (false, None::<Rejection>);
        for (source, fetch) in self.candidates(token)? {
            match verify(source, fetches.get(fetch).copied().unwrap_or(Fetch::Pending)) {
                Ok(Some(verified)) => return Ok(Some(verified)),
                Ok(None) => pending = true,
                // It has signed the token: what is wrong with it is wrong with all.
                Err(rejection) if rejection.is_final() => return Err(rejection),
                Err(rejection) => match &rejected {
                    Some(other) if other.is_outage() => {}
                    _ => rejected = Some(rejection),
                },
            }
        }
        match rejected {
            _ if pending => Ok(None),
            Some(rejection) => Err(rejection),
            None => Ok(None),
        }
    }

    /// Fetches the keys of the sources that may have signed a token.
    pub(super) async fn fetch(&self, token: &[u8]) -> Fetches {
        let mut fetches = PENDING;
        let places: Vec<_> = match Token::parse(token) {
            Ok(token) if self.sources.len() > 1 => {
                let candidates = self.candidates(&token).unwrap_or_default();
                candidates.into_iter().map(|(_, place)| place).collect()
            }
            _ => vec![0],
        };
        let fetched = places.into_iter().filter_map(|place| match &self.sources.get(place)?.keys {
            Keys::Static(_) => None,
            Keys::Remote(jwks) => Some(async move { (place, jwks.fetch().await) }),
        });
        for (place, fetch) in join_all(fetched).await {
            if let Some(of_place) = fetches.get_mut(place) {
                *of_place = fetch;
            }
        }
        fetches
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifier")
            .field("sources", &self.inner.sources)
            .field("cached", &self.inner.cache.len())
            .finish_non_exhaustive()
    }
}
