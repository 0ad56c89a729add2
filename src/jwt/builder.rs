use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::algorithm::Algorithm;
use super::jwks::{Jwks, Source};
use super::key::Key;
use super::rules::Rules;
use super::user::{ADMIN, user_with_admin};
use super::{Inner, JwtVerifier, Keys};
use crate::cache::{Cache, Lifetimes};
use crate::clock::Clock;
use crate::error::{AuthError, BuildError};
use crate::http_client::{self, is_near};
use crate::user::UserInfo;

/// Turns verified claims into a user.
pub(super) type MapClaims = dyn Fn(&Map<String, Value>) -> Result<UserInfo, AuthError> + Send + Sync;

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
/// # Ok::<(), aigc_auth::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct JwtVerifierBuilder {
    from: From,
    algorithms: Option<Vec<Algorithm>>,
    rules: Rules,
    admin_role: String,
    map: Option<Arc<MapClaims>>,
    lifetime: Duration,
    capacity: usize,
    http: Option<reqwest::Client>,
    plain_http: bool,
    clock: Clock,
}

#[derive(Clone)]
pub(super) enum From {
    Secret(Vec<u8>),
    PublicKey(Vec<u8>),
    Jwks(String),
}

impl JwtVerifierBuilder {
    pub(super) fn new(from: From) -> Self {
        Self {
            from,
            algorithms: None,
            rules: Rules {
                audiences: Some(vec!["authenticated".to_owned()]),
                issuers: None,
                leeway: Duration::from_secs(30),
            },
            admin_role: ADMIN.to_owned(),
            map: None,
            lifetime: Duration::from_secs(300),
            capacity: 10_000,
            http: None,
            plain_http: false,
            clock: Clock::default(),
        }
    }

    /// Sets which algorithms are accepted. Defaults to what the key is made for: `HS256` for a secret, the `alg` of a
    /// key of a set, `RS256` for RSA keys that do not say, and for others the one their curve is for.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Sets the audience (`aud`) that a token must name. Defaults to `authenticated`, as Supabase issues them.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.audiences([audience])
    }

    /// Sets several audiences, of which a token must name at least one. Of none: no token is accepted.
    pub fn audiences(mut self, audiences: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rules.audiences = Some(audiences.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts tokens for whatever audience, and those without one.
    ///
    /// The same issuer's tokens for other services, which those services hold, are then good here as well.
    pub fn insecure_any_audience(mut self) -> Self {
        self.rules.audiences = None;
        self
    }

    /// Sets the issuer (`iss`) that a token must name. Defaults to none: whoever has the key is the issuer.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.issuers([issuer])
    }

    /// Sets several issuers, of which a token must name one. Of none: no token is accepted.
    pub fn issuers(mut self, issuers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rules.issuers = Some(issuers.into_iter().map(Into::into).collect());
        self
    }

    /// Sets how far the issuer's clock may be from ours, for `exp`, `nbf` and `iat`. Defaults to 30 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// Sets the role whose holders are admins. Defaults to `admin`. Without effect beside
    /// [`map_claims`](Self::map_claims).
    pub fn admin_role(mut self, role: impl Into<String>) -> Self {
        self.admin_role = role.into();
        self
    }

    /// Turns verified claims into users by this function. Defaults to [`user_of`](super::user_of), which is a good start
    /// for one's own. `sub` was checked before. Whom it refuses is refused, with its error.
    ///
    /// ```
    /// use aigc_auth::jwt::{self, JwtVerifier};
    /// use aigc_auth::{AuthError, ErrorKind};
    ///
    /// let verifier = JwtVerifier::from_secret("a secret of at least 32 characters").map_claims(|claims| {
    ///     if claims.get("blocked").is_some() {
    ///         return Err(AuthError::new(ErrorKind::Denied).with_detail("a blocked account"));
    ///     }
    ///     Ok(jwt::user_of(claims)?.company("Example Ltd").build())
    /// });
    /// # assert!(verifier.build().is_ok());
    /// ```
    pub fn map_claims<F>(mut self, map: F) -> Self
    where
        F: Fn(&Map<String, Value>) -> Result<UserInfo, AuthError> + Send + Sync + 'static,
    {
        self.map = Some(Arc::new(map));
        self
    }

    /// Sets how long a verified token is believed without being verified again. Defaults to 300 s, never past the
    /// token's `exp` or its key's time in the set. Zero verifies at every request.
    pub fn cache_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets how many verified tokens are remembered at most. Defaults to 10,000, about 10 MB when full of ordinary ones.
    pub fn cache_capacity(mut self, tokens: usize) -> Self {
        self.capacity = tokens;
        self
    }

    /// Fetches the key set with a client of your own (reqwest 0.13), for a proxy or a private root certificate. Build it
    /// with `redirect(Policy::none())`: an answer that came by a redirect is not believed.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Fetches the key set over `http://` from other machines, too. Whoever is on the way can then put his own keys into
    /// it and sign in as anybody. Defaults to `https://`, and `http://` to this machine.
    pub fn insecure_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Takes the time from this clock, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the verifier. Nothing is fetched yet.
    ///
    /// # Errors
    /// If the secret is shorter than its algorithm wants (32 bytes for `HS256`), the key is no public key in PEM or too
    /// weak, the URL is not `https://`, or none of the algorithms fits the key.
    pub fn build(self) -> Result<JwtVerifier, BuildError> {
        let algorithms = self.algorithms.as_deref();
        // Nothing is asked anew and nothing stands in: claims do not age before they expire.
        let lifetimes = Lifetimes { identity: self.lifetime, grace: Duration::ZERO, refusal: Duration::ZERO };
        let cache = Arc::new(Cache::new(self.capacity, lifetimes, Duration::ZERO, self.clock.clone()));
        let keys = match &self.from {
            From::Secret(secret) => Keys::One(Box::new(Key::secret(secret, algorithms)?)),
            From::PublicKey(pem) => Keys::One(Box::new(Key::pem(pem, algorithms)?)),
            From::Jwks(url) => Keys::Set(Jwks::new(self.source(url)?, cache.clone())),
        };
        let admin_role = self.admin_role;
        let map = self
            .map
            .unwrap_or_else(|| Arc::new(move |claims| Ok(user_with_admin(claims, &admin_role)?.build())));
        let inner = Inner { keys, rules: self.rules, map, cache, clock: self.clock };
        Ok(JwtVerifier { inner: Arc::new(inner) })
    }

    fn source(&self, text: &str) -> Result<Source, BuildError> {
        let refuse = |why: &str| BuildError::new(format!("the URL of the key set {why}"));
        let url = Url::parse(text).map_err(|error| refuse("is not a URL").with_source(error))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(refuse("must start with https:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("must not carry a user name or password"));
        }
        if url.scheme() == "http" && !is_near(&url) && !self.plain_http {
            return Err(refuse(
                "is not https://: who is on the way could send keys of his own (insecure_plain_http)",
            ));
        }
        if let Some(wrong) =
            self.algorithms.iter().flatten().find(|algorithm| algorithm.name().starts_with("HS"))
        {
            let why = format!("cannot bring keys for {wrong}: who reads the set could sign");
            return Err(BuildError::new(format!("a key set {why}")));
        }
        let http = match &self.http {
            Some(http) => http.clone(),
            None => http_client::new(url.scheme() == "https", Duration::from_secs(1))?,
        };
        Ok(Source { http, url, algorithms: self.algorithms.clone(), clock: self.clock.clone() })
    }
}

impl fmt::Debug for JwtVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifierBuilder")
            .field("algorithms", &self.algorithms)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
