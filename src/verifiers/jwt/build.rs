//! Check the settings of a verifier, and build it.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::builder::JwtVerifierBuilder;
use super::discovery::Discovery;
use super::error::Rejections;
use super::jwks::Jwks;
use super::jwks_endpoint::{JwksEndpoint, Location};
use super::key::VerificationKey;
use super::key_source::KeySource;
use super::revocation::RevocationCheck;
use super::source::{Keys, Source};
use super::verifier::{Inner, JwtVerifier, MAX_SOURCES};
use crate::ports::observer::Watch;
use crate::types::error::BuildError;
use crate::upstream::http_client;
use crate::upstream::identity_cache::{CacheTtls, IdentityCache};
use crate::util::clock::Clock;

impl JwtVerifierBuilder {
    /// Builds the verifier. Key sets are not fetched yet.
    ///
    /// # Errors
    /// If the secret is too short for its algorithm (32 bytes for `HS256`) or has white space at an end, the key is not a
    /// public key in PEM or too weak, the URL is not `https://`, `jwks_url` is set beside a secret or a public key, none of the algorithms fits the key, `revocations` is set for an added source, or there are over 8
    /// sources of keys.
    pub fn build(mut self) -> Result<JwtVerifier, BuildError> {
        let mut builders = std::mem::take(&mut self.also);
        // Those that were added to an added one.
        let mut at = 0;
        while let Some(builder) = builders.get_mut(at) {
            let more = std::mem::take(&mut builder.also);
            builders.extend(more);
            at += 1;
        }
        if builders.len() >= MAX_SOURCES {
            let found = builders.len() + 1;
            return Err(BuildError::new(format!(
                "expected at most {MAX_SOURCES} sources of keys for one verifier, found {found}"
            )));
        }
        if builders.iter().any(|builder| builder.revocation.list.is_some()) {
            return Err(BuildError::new(
                "`revocations` is set for a source of keys that was added: expected it for the verifier that it was added to",
            ));
        }
        // No refresh and no stale-if-error: claims do not change before the token expires.
        let ttls =
            CacheTtls { ttl: self.cache_ttl, stale_if_error: Duration::ZERO, negative_ttl: Duration::ZERO };
        let clock = self.clock.clone();
        let is_caching = !self.cache_ttl.is_zero();
        let cache = IdentityCache::new(self.cache_capacity, ttls, Duration::ZERO, clock.clone());
        let watch = self.watch.clone();
        let cache = Arc::new(cache.watched(watch.is_on()));
        let http = self.http.clone();
        let revocation = RevocationCheck::new(&self.revocation, &clock);
        let sources = std::iter::once(self)
            .chain(builders)
            .map(|builder| builder.source(http.as_ref(), &cache, &clock, &watch))
            .collect::<Result<_, _>>()?;
        let rejections = Rejections::new(&clock);
        Ok(JwtVerifier {
            inner: Arc::new(Inner { sources, cache, is_caching, clock, rejections, revocation, watch }),
        })
    }

    fn source(
        self,
        http: Option<&reqwest::Client>,
        cache: &Arc<IdentityCache>,
        clock: &Clock,
        watch: &Watch,
    ) -> Result<Source, BuildError> {
        let algorithms = self.algorithms.as_deref();
        let remote = |url: Url, location| {
            let endpoint = self.endpoint(&url, http, location, watch)?;
            Ok::<_, BuildError>(Keys::Remote(Jwks::new(endpoint, cache.clone(), clock.clone())))
        };
        let keys = match (&self.key_source, &self.jwks_url) {
            (KeySource::Secret(_) | KeySource::PublicKey(_), Some(_)) => {
                return Err(BuildError::new(
                    "`jwks_url` is set for a secret or a public key: expected `from_jwks` or `from_issuer`",
                ));
            }
            (KeySource::Secret(secret), None) => {
                Keys::Static(Box::new(VerificationKey::from_secret(secret, algorithms)?))
            }
            (KeySource::PublicKey(pem), None) => {
                Keys::Static(Box::new(VerificationKey::from_pem(pem, algorithms)?))
            }
            (KeySource::Jwks(_) | KeySource::Issuer(_), Some(url)) | (KeySource::Jwks(url), None) => {
                let url = self.checked("key set URL", url)?;
                remote(url.clone(), Location::Fixed(url))?
            }
            (KeySource::Issuer(issuer), None) => {
                let url = self.checked("issuer", issuer)?;
                let discovery = Discovery::new(issuer.clone(), self.plain_http, clock.clone());
                remote(url, Location::Issuer(discovery))?
            }
        };
        Ok(Source { keys, validation: self.validation, mapping: self.mapping, map_token: self.map_token })
    }

    fn checked(&self, what: &str, url: &str) -> Result<Url, BuildError> {
        let danger = "an attacker on the network could inject keys";
        http_client::checked_url(what, url, self.plain_http, danger)
    }

    fn endpoint(
        &self,
        url: &Url,
        http: Option<&reqwest::Client>,
        location: Location,
        watch: &Watch,
    ) -> Result<JwksEndpoint, BuildError> {
        if let Some(symmetric) = self.algorithms.iter().flatten().find(|algorithm| algorithm.is_symmetric()) {
            return Err(BuildError::new(format!(
                "a key set cannot verify {symmetric}: anyone who can read the set could sign"
            )));
        }
        // An issuer on this machine may publish its keys elsewhere.
        let needs_tls = url.scheme() == "https" || matches!(location, Location::Issuer(_));
        let http = match self.http.as_ref().or(http) {
            Some(http) => http.clone(),
            None => http_client::new(needs_tls, Duration::from_secs(1))?,
        };
        Ok(JwksEndpoint { http, location, algorithms: self.algorithms.clone(), watch: watch.clone() })
    }
}
