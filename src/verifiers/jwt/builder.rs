use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::algorithm::Algorithm;
use super::claims_mapping::{ADMIN, MapClaims, map_with_admin_role};
use super::jwks::Jwks;
use super::jwks_endpoint::JwksEndpoint;
use super::key::VerificationKey;
use super::validation::Validation;
use super::verifier::{Inner, JwtVerifier, Keys};
use crate::types::error::{AuthError, BuildError};
use crate::types::user::UserInfo;
use crate::upstream::http_client::{self, is_near};
use crate::upstream::identity_cache::{CacheTtls, IdentityCache};
use crate::util::clock::Clock;

/// Builds a [`JwtVerifier`]; made by [`JwtVerifier::from_secret`], [`JwtVerifier::from_public_key`] and
/// [`JwtVerifier::from_jwks`].
///
/// ```
/// use std::time::Duration;
///
/// use aigc_auth::jwt::{Algorithm, JwtVerifier};
///
/// let verifier = JwtVerifier::from_jwks("https://project.supabase.co/auth/v1/.well-known/jwks.json")
///     .algorithms([Algorithm::Es256])
///     .issuer("https://project.supabase.co/auth/v1")
///     .audience("authenticated")
///     .leeway(Duration::from_secs(5))
///     .build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct JwtVerifierBuilder {
    key_source: KeySource,
    algorithms: Option<Vec<Algorithm>>,
    validation: Validation,
    admin_role: String,
    map_claims: Option<Arc<MapClaims>>,
    cache_ttl: Duration,
    cache_capacity: usize,
    http: Option<reqwest::Client>,
    plain_http: bool,
    clock: Clock,
}

#[derive(Clone)]
enum KeySource {
    Secret(Vec<u8>),
    PublicKey(Vec<u8>),
    Jwks(String),
}

impl JwtVerifier {
    /// Starts a verifier of tokens signed with a shared secret: `HS256`, and a secret of at least 32 bytes.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(KeySource::Secret(secret.as_ref().to_vec()))
    }

    /// Starts a verifier of tokens signed with the private key of this public key: PEM (`BEGIN PUBLIC KEY`) of RSA from
    /// 2048 bits, P-256, P-384 or Ed25519.
    pub fn from_public_key(pem: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(KeySource::PublicKey(pem.as_ref().to_vec()))
    }

    /// Starts a verifier of tokens signed with one of the keys published at this URL (JWKS, RFC 7517).
    pub fn from_jwks(url: impl Into<String>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(KeySource::Jwks(url.into()))
    }
}

impl JwtVerifierBuilder {
    fn new(key_source: KeySource) -> Self {
        Self {
            key_source,
            algorithms: None,
            validation: Validation {
                audiences: Some(vec!["authenticated".to_owned()]),
                issuers: None,
                leeway: Duration::from_secs(30),
            },
            admin_role: ADMIN.to_owned(),
            map_claims: None,
            cache_ttl: Duration::from_secs(300),
            cache_capacity: 10_000,
            http: None,
            plain_http: false,
            clock: Clock::default(),
        }
    }

    /// Sets the accepted algorithms. Defaults to those of the key: `HS256` for a secret, the `alg` of a key of a set,
    /// `RS256` for RSA keys without `alg`, and the one algorithm of the curve for others.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Sets the required audience (`aud`). Defaults to `authenticated`, the audience of Supabase's tokens.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.audiences([audience])
    }

    /// Sets several audiences, of which a token must have at least one. With an empty list, all tokens are rejected.
    pub fn audiences(mut self, audiences: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.validation.audiences = Some(audiences.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts tokens for any audience, and tokens without one.
    ///
    /// Tokens that the same issuer made for other services are then accepted here, too; those services can replay them.
    pub fn insecure_any_audience(mut self) -> Self {
        self.validation.audiences = None;
        self
    }

    /// Sets the required issuer (`iss`). Defaults to no check: any token signed with the key is accepted.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.issuers([issuer])
    }

    /// Sets several issuers, of which a token must have one. With an empty list, all tokens are rejected.
    pub fn issuers(mut self, issuers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.validation.issuers = Some(issuers.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the tolerated clock skew between issuer and verifier, for `exp`, `nbf` and `iat`. Defaults to 30 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.validation.leeway = leeway;
        self
    }

    /// Sets the role that makes a user an admin. Defaults to `admin`. Has no effect together with
    /// [`map_claims`](Self::map_claims).
    pub fn admin_role(mut self, role: impl Into<String>) -> Self {
        self.admin_role = role.into();
        self
    }

    /// Sets the function that maps verified claims to a user. Defaults to
    /// [`default_claims_mapping`](super::default_claims_mapping), which your own function can start from. `sub` has been
    /// checked before. If the function returns an error, the request is rejected with it.
    ///
    /// ```
    /// use aigc_auth::jwt::{self, JwtVerifier};
    /// use aigc_auth::error::ErrorKind;
    /// use aigc_auth::AuthError;
    ///
    /// let verifier = JwtVerifier::from_secret("a secret of at least 32 characters").map_claims(|claims| {
    ///     if claims.get("blocked").is_some() {
    ///         return Err(AuthError::new(ErrorKind::Denied).with_detail("the account is blocked"));
    ///     }
    ///     Ok(jwt::default_claims_mapping(claims)?.company("Example Ltd").build())
    /// });
    /// # assert!(verifier.build().is_ok());
    /// ```
    pub fn map_claims<F>(mut self, map: F) -> Self
    where
        F: Fn(&Map<String, Value>) -> Result<UserInfo, AuthError> + Send + Sync + 'static,
    {
        self.map_claims = Some(Arc::new(map));
        self
    }

    /// Sets the TTL of cached users. Defaults to 300 s; it never exceeds the token's `exp` or the freshness of its key. Zero
    /// verifies every token on every request.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = ttl;
        self
    }

    /// Sets how many users are cached at most. Defaults to 10,000, about 10 MB when full of ordinary ones.
    pub fn cache_capacity(mut self, capacity: usize) -> Self {
        self.cache_capacity = capacity;
        self
    }

    /// Sets the HTTP client that fetches the key set (reqwest 0.13), for a proxy or a private root certificate. Build it
    /// with `redirect(Policy::none())`: a response that came by a redirect is rejected.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Allows `http://` URLs of other machines for the key set. An attacker on the network can then inject keys and sign in
    /// as any user. Defaults to `https://`, and `http://` on the loopback interface.
    pub fn insecure_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Sets the clock, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the verifier. The key set is not fetched yet.
    ///
    /// # Errors
    /// If the secret is too short for its algorithm (32 bytes for `HS256`), the key is not a public key in PEM or too weak,
    /// the URL is not `https://`, or none of the algorithms fits the key.
    pub fn build(self) -> Result<JwtVerifier, BuildError> {
        let algorithms = self.algorithms.as_deref();
        // No refresh and no stale-if-error: claims do not change before the token expires.
        let ttls =
            CacheTtls { ttl: self.cache_ttl, stale_if_error: Duration::ZERO, negative_ttl: Duration::ZERO };
        let cache =
            Arc::new(IdentityCache::new(self.cache_capacity, ttls, Duration::ZERO, self.clock.clone()));
        let keys = match &self.key_source {
            KeySource::Secret(secret) => {
                Keys::Static(Box::new(VerificationKey::from_secret(secret, algorithms)?))
            }
            KeySource::PublicKey(pem) => Keys::Static(Box::new(VerificationKey::from_pem(pem, algorithms)?)),
            KeySource::Jwks(url) => {
                Keys::Remote(Jwks::new(self.jwks_endpoint(url)?, cache.clone(), self.clock.clone()))
            }
        };
        let admin_role = self.admin_role;
        let map_claims = self
            .map_claims
            .unwrap_or_else(|| Arc::new(move |claims| Ok(map_with_admin_role(claims, &admin_role)?.build())));
        let inner = Inner { keys, validation: self.validation, map_claims, cache, clock: self.clock };
        Ok(JwtVerifier { inner: Arc::new(inner) })
    }

    fn jwks_endpoint(&self, url: &str) -> Result<JwksEndpoint, BuildError> {
        let invalid = |reason: &str| BuildError::new(format!("invalid key set URL: {reason}"));
        let url = Url::parse(url).map_err(|error| invalid("cannot parse it").with_source(error))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid("it must start with https:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it must not contain a user name or password"));
        }
        if url.scheme() == "http" && !is_near(&url) && !self.plain_http {
            return Err(invalid(
                "it is not https://, and an attacker on the network could inject keys (see `insecure_plain_http`)",
            ));
        }
        if let Some(symmetric) =
            self.algorithms.iter().flatten().find(|algorithm| algorithm.name().starts_with("HS"))
        {
            return Err(BuildError::new(format!(
                "a key set cannot verify {symmetric}: anyone who can read the set could sign"
            )));
        }
        let http = match &self.http {
            Some(http) => http.clone(),
            None => http_client::new(url.scheme() == "https", Duration::from_secs(1))?,
        };
        Ok(JwksEndpoint { http, url, algorithms: self.algorithms.clone() })
    }
}

impl fmt::Debug for JwtVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifierBuilder")
            .field("algorithms", &self.algorithms)
            .field("validation", &self.validation)
            .finish_non_exhaustive()
    }
}
