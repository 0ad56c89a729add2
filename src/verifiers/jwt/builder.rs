use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::key_source::KeySource;
use super::revocation_settings::RevocationSettings;
use super::validation::Validation;
use crate::ports::observer::Watch;
use crate::types::claims::{ClaimsMapping, MapToken, TokenKind, media_type};
use crate::types::error::AuthError;
use crate::types::user::UserInfo;
use crate::upstream::lookups::MAX_DURATION;
use crate::util::clock::Clock;

/// Builds a [`JwtVerifier`]; made by [`from_secret`](super::JwtVerifier::from_secret),
/// [`from_public_key`](super::JwtVerifier::from_public_key), [`from_jwks`](super::JwtVerifier::from_jwks),
/// [`from_issuer`](super::JwtVerifier::from_issuer) and [presets](super::presets).
///
/// [`JwtVerifier`]: super::JwtVerifier
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
    pub(super) key_source: KeySource,
    pub(super) jwks_url: Option<String>,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) validation: Validation,
    pub(super) mapping: ClaimsMapping,
    pub(super) map_token: Option<Arc<MapToken>>,
    pub(super) also: Vec<JwtVerifierBuilder>,
    pub(super) cache_ttl: Duration,
    pub(super) cache_capacity: usize,
    pub(super) revocation: RevocationSettings,
    pub(super) http: Option<reqwest::Client>,
    pub(super) plain_http: bool,
    pub(super) clock: Clock,
    pub(super) watch: Watch,
}

impl JwtVerifierBuilder {
    pub(super) fn new(key_source: KeySource) -> Self {
        Self {
            key_source,
            jwks_url: None,
            algorithms: None,
            validation: Validation {
                audiences: Some(vec!["authenticated".to_owned()]),
                issuers: None,
                leeway: Duration::from_secs(30),
                typ: None,
                required: Vec::new(),
                present: Vec::new(),
                kinds: Vec::new(),
                rejected_prefixes: Vec::new(),
            },
            mapping: ClaimsMapping::new(),
            map_token: None,
            also: Vec::new(),
            cache_ttl: Duration::from_secs(300),
            cache_capacity: 10_000,
            revocation: RevocationSettings::default(),
            http: None,
            plain_http: false,
            clock: Clock::default(),
            watch: Watch::default(),
        }
    }

    /// Fetches the key set from this URL, and no metadata: for an issuer that this service reaches by another name than
    /// tokens have in `iss`, such as a container's. For key sets, issuers and [presets](super::presets). Defaults to where
    /// these say.
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.jwks_url = Some(url.into());
        self
    }

    /// Sets the accepted algorithms. Defaults to those of the key: `HS256` for a secret, the `alg` of a key of a set, RSA's
    /// six (`RS256` to `PS512`) for RSA keys without `alg`, and the one algorithm of the curve for others.
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
        self.validation.leeway = leeway.min(MAX_DURATION);
        self
    }

    /// Requires this `typ` in the header, such as `at+jwt` (RFC 9068 section 4), in small letters or capitals, with or
    /// without `application/`. Defaults to none.
    pub fn typ(mut self, typ: impl AsRef<str>) -> Self {
        self.validation.typ = Some(media_type(typ.as_ref()));
        self
    }

    /// Requires a claim of this value, such as `token_use` to be `access`. Calls add up.
    pub fn require_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.validation.required.push((name.into(), value.into()));
        self
    }

    /// Requires a claim of any value, such as the `jti` that only access tokens of an issuer have. Calls add up.
    pub fn require_present(mut self, name: impl Into<String>) -> Self {
        self.validation.present.push(name.into());
        self
    }

    /// Accepts tokens that call themselves this, besides access tokens. Calls add up. Defaults to none.
    pub fn accept_kind(mut self, kind: TokenKind) -> Self {
        self.validation.kinds.push(kind);
        self
    }

    /// Accepts the tokens of another source of keys, too: a second secret while the first is being replaced, a secret beside
    /// a key set, another issuer. Calls add up, to 8 sources in all.
    ///
    /// Each source has its own algorithms, issuers, audiences and other requirements, and its own mapping; cache, HTTP client
    /// and clock are those of this verifier. A token is verified by the sources of its `iss`, else by those without
    /// [`issuer`](Self::issuer), and only by keys for its algorithm.
    ///
    /// ```
    /// use aigc_auth::jwt::JwtVerifier;
    ///
    /// // Supabase's move from a shared secret to ES256.
    /// let project = "https://project.supabase.co/auth/v1";
    /// let verifier = JwtVerifier::from_issuer(project)
    ///     .also_accept(JwtVerifier::from_secret("the project's secret of 32 characters").issuer(project))
    ///     .build()?;
    /// # Ok::<(), aigc_auth::error::BuildError>(())
    /// ```
    pub fn also_accept(mut self, other: JwtVerifierBuilder) -> Self {
        self.also.push(other);
        self
    }

    /// Sets where the user's fields are read in the claims. Defaults to [`ClaimsMapping::new`].
    pub fn mapping(mut self, mapping: ClaimsMapping) -> Self {
        self.mapping = mapping;
        self
    }

    /// Sets the claim with the user's id: see [`ClaimsMapping::subject_claim`]. Holds with [`map_claims`](Self::map_claims),
    /// too.
    pub fn subject_claim(self, path: impl Into<String>) -> Self {
        self.with_mapping(|mapping| mapping.subject_claim(path))
    }

    /// Reads roles from this claim: see [`ClaimsMapping::roles_claim`].
    pub fn roles_claim(self, path: impl Into<String>) -> Self {
        self.with_mapping(|mapping| mapping.roles_claim(path))
    }

    /// Reads groups from this claim: see [`ClaimsMapping::groups_claim`].
    pub fn groups_claim(self, path: impl Into<String>) -> Self {
        self.with_mapping(|mapping| mapping.groups_claim(path))
    }

    /// Takes scopes for permissions: see [`ClaimsMapping::permissions_from_scope`].
    pub fn permissions_from_scope(self) -> Self {
        self.with_mapping(ClaimsMapping::permissions_from_scope)
    }

    /// Sets the role that makes a user an admin. Defaults to `admin`.
    pub fn admin_role(self, role: impl Into<String>) -> Self {
        self.with_mapping(|mapping| mapping.admin_role(role))
    }

    fn with_mapping(mut self, change: impl FnOnce(ClaimsMapping) -> ClaimsMapping) -> Self {
        self.mapping = change(self.mapping);
        self
    }

    /// Sets the function that maps verified claims to a user, in place of [`mapping`](Self::mapping). The id's claim has been
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
    pub fn map_claims<F>(self, map: F) -> Self
    where
        F: Fn(&Map<String, Value>) -> Result<UserInfo, AuthError> + Send + Sync + 'static,
    {
        self.map_token(move |_, claims| map(claims))
    }

    /// Sets a function like [`map_claims`](Self::map_claims) that sees the token's header as well: the header first. Its
    /// signature covers both. Keys in the header are the sender's own: never use them.
    pub fn map_token<F>(mut self, map: F) -> Self
    where
        F: Fn(&Map<String, Value>, &Map<String, Value>) -> Result<UserInfo, AuthError>
            + Send
            + Sync
            + 'static,
    {
        self.map_token = Some(Arc::new(map));
        self
    }

    /// Sets the TTL of cached users. Defaults to 300 s; it never exceeds the token's `exp` or the freshness of its key. Zero
    /// verifies every token on every request.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = ttl.min(MAX_DURATION);
        self
    }

    /// Sets how many users are cached at most. Defaults to 10,000, about 9 MB when full of users with claims of 500 bytes; one of
    /// over 1 KiB counts as several.
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
}

impl fmt::Debug for JwtVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifierBuilder")
            .field("algorithms", &self.algorithms)
            .field("validation", &self.validation)
            .finish_non_exhaustive()
    }
}
