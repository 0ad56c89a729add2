use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tower_layer::Layer;

use super::after_verification::AfterVerification;
use super::decision::AuthConfig;
use super::excluded_paths::ExcludedPaths;
use super::preflight::PreflightWarnings;
use super::service::AuthService;
use super::sources::search::Sources;
use super::verified_hook::VerifiedHook;
use crate::ports::usage::Record;
use crate::ports::verify::{Verifiers, Verify};
use crate::request::client_ip::TrustedProxies;
use crate::request::context::{Recorder, Settings};
use crate::request::impersonation::ActAsPolicy;
use crate::request::refusals::RefusalSettings;
use crate::request::tenant::TenantPolicy;
use crate::types::credential::{AccessKey, BearerToken};
use crate::types::user::UserInfo;

/// Authenticates requests and rejects unauthenticated ones.
///
/// Inserts the user into the request's extensions as [`UserInfo`], for the [extractors](crate::extract), and into the
/// [context](crate::context). Rejects with 401 without a valid credential, with 403 for users that the auth center
/// denies, and with 503 if the credential could not be verified. Cheap to clone.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use aigc_auth::{AuthClient, AuthLayer, CurrentUser};
/// use axum::{Router, routing::get};
///
/// async fn me(user: CurrentUser) -> String {
///     user.username().to_owned()
/// }
///
/// # fn app() -> Result<Router, aigc_auth::error::BuildError> {
/// let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth").build()?;
/// let app = Router::new()
///     .route("/me", get(me))
///     .route("/health", get(|| async { "ok" }))
///     .layer(AuthLayer::new(client).exclude_path("/health").exclude_prefix("/public"));
/// # Ok(app) }
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct AuthLayer {
    config: Arc<AuthConfig>,
}

impl AuthLayer {
    /// Verifies tokens and access keys with one verifier, such as the `AuthClient`.
    pub fn new<V>(verifier: V) -> Self
    where
        V: Verify<BearerToken> + Verify<AccessKey>,
    {
        let settings = settings::<BearerToken>(&verifier);
        Self::with_verifiers(Verifiers::both(verifier), settings)
    }

    /// Verifies tokens, and rejects access keys unless [`AuthLayer::with_access_keys`] sets a verifier for them.
    pub fn tokens_only(verifier: impl Verify<BearerToken>) -> Self {
        let settings = settings(&verifier);
        Self::with_verifiers(Verifiers::tokens(verifier), settings)
    }

    fn with_verifiers(verifiers: Verifiers, settings: Settings) -> Self {
        let config = AuthConfig {
            verifiers,
            sources: None,
            max_credential_len: 8 * 1024,
            excluded_paths: ExcludedPaths::default(),
            allow_anonymous: false,
            allow_preflight: false,
            after: AfterVerification::default(),
            preflights: PreflightWarnings::default(),
            verify_timeout: Duration::from_secs(10),
            time_bodies: false,
            settings: Arc::new(settings),
        };
        Self { config: Arc::new(config) }
    }

    /// Verifies access keys (`ak_…`) with this verifier.
    pub fn with_access_keys(mut self, verifier: impl Verify<AccessKey>) -> Self {
        let config = self.config_mut();
        let settings = Arc::make_mut(&mut config.settings);
        settings.app_id = settings.app_id.take().or_else(|| verifier.app_id());
        settings.directory = settings.directory.take().or_else(|| verifier.directory());
        let watch = std::mem::take(&mut settings.refusals.watch);
        settings.refusals.watch = watch.or(|| verifier.observer().into());
        config.verifiers = config.verifiers.clone().with_access_keys(verifier);
        self
    }

    /// Excludes exactly this path: requests to it pass without verification.
    ///
    /// The full path is compared as it was sent, also inside `nest`: `/health` is neither `/health/` nor `/HEALTH` nor
    /// `/api/health`. As with [`AuthLayer::exclude_prefix`], a route's parameter does not match it. On excluded paths
    /// [`OptionalUser`](crate::OptionalUser) is always `None`.
    ///
    /// # Panics
    /// If no request can match it, so that it would be closed without a sign: if it does not start with `/`, has empty or
    /// dotted segments, an escaped separator, an escape of an escape, a control character or a `\`, a query or a fragment, a
    /// wildcard (`*`, `{…}`), or anything that is sent percent-encoded only, such as a space or `公开`. The message has what to write instead.
    #[track_caller]
    pub fn exclude_path(mut self, path: &str) -> Self {
        self.config_mut().excluded_paths.add_path(path);
        self
    }

    /// Excludes this path and all below it: requests to them pass without verification.
    ///
    /// Whole segments are compared: `/public` covers `/public`, `/public/` and `/public/a`, not `/publicity`. Paths that
    /// some servers parse differently (`//`, `..`, `%2F`, `\`) are not excluded.
    ///
    /// It opens what stands under that name: `/public/{id}`, a catch-all or a fallback, but not the route
    /// `/{tenant}/admin` at `/public/admin`. Only a layer around the whole `Router`, in place of `Router::layer`, cannot
    /// see the route, and goes by the path alone.
    ///
    /// # Panics
    /// As [`AuthLayer::exclude_path`], and if it is `/`: omit the layer instead.
    #[track_caller]
    pub fn exclude_prefix(mut self, prefix: &str) -> Self {
        self.config_mut().excluded_paths.add_prefix(prefix);
        self
    }

    /// Passes requests whose credential is missing, invalid or unverifiable, and leaves the decision to extractors.
    ///
    /// [`CurrentUser`](crate::CurrentUser) and the extractors that require more reject as the layer would have; handlers
    /// without an extractor are open to everyone.
    pub fn allow_anonymous(mut self) -> Self {
        self.config_mut().allow_anonymous = true;
        self
    }

    /// Passes CORS preflights: `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    ///
    /// Only needed if the CORS layer is inside this one; it belongs outside. There has to be one inside, around every route:
    /// without it, preflights reach the route, and `any(handler)` runs for whoever sends the two headers.
    pub fn allow_preflight(mut self) -> Self {
        self.config_mut().allow_preflight = true;
        self
    }

    /// Runs this hook once per fresh verification, before the handler; not for users from the cache.
    ///
    /// Of the requests that wait for one lookup, one runs it; a refresh in the background is a fresh verification, too.
    /// The request waits for the hook, at most 5 s; if its client disconnects meanwhile, the next request runs it again.
    /// It runs in the request's [context](crate::context). Of several layers that share a verifier, the first to see the
    /// user runs its own hook.
    pub fn on_verified<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(UserInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.config_mut().after.set_hook(VerifiedHook::new(hook));
        self
    }

    /// Sets who may impersonate whom through [`ActAsUser`](crate::ActAsUser). Defaults to [`ActAsPolicy::new`].
    pub fn act_as(mut self, policy: ActAsPolicy) -> Self {
        self.settings_mut().act_as = policy;
        self
    }

    /// Sets how the organisation and the team of a request are found, for
    /// [`CurrentTenant`](crate::tenant::CurrentTenant) and the like; nobody is asked for requests without such an extractor.
    /// Defaults to none: those extractors then answer 500.
    pub fn tenants(mut self, policy: TenantPolicy) -> Self {
        self.settings_mut().tenants = Some(policy);
        self
    }

    /// Records every request of a user, such as in a `StatsCollector`.
    ///
    /// Requests to excluded paths, those without a credential and those with an invalid one (401) are not recorded: nobody
    /// can be billed for them. Those whose credential was denied or could not be verified are. A client that disconnects before the
    /// response leaves a record of status 499, a panic one of 500. The time ends with the head of the response, or with
    /// its body if [`AuthLayer::time_bodies`] is set.
    pub fn with_stats(mut self, recorder: impl Record) -> Self {
        self.settings_mut().recorder = Some(Recorder::new(recorder));
        self
    }

    /// Includes the response body in the recorded time: a request is recorded when its body has been sent, or when the
    /// client has disconnected. Defaults to the time until the head of the response.
    pub fn time_bodies(mut self) -> Self {
        self.config_mut().time_bodies = true;
        self
    }

    /// Sets the proxies whose headers about the client's address and scheme are trusted, and which headers these are.
    /// Defaults to [`TrustedProxies::private`].
    pub fn trusted_proxies(mut self, trusted: TrustedProxies) -> Self {
        self.settings_mut().trusted_proxies = trusted;
        self
    }

    /// Sets how long a verification may take before the request is rejected with 503. Defaults to 10 s; the
    /// `AuthClient` has a shorter timeout of its own.
    pub fn verify_timeout(mut self, timeout: Duration) -> Self {
        self.config_mut().verify_timeout = timeout;
        self
    }

    pub(super) fn sources(&self) -> Option<&Sources> {
        self.config.sources.as_deref()
    }

    pub(super) fn passes_preflights(&self) -> bool {
        self.config.allow_preflight
    }

    pub(super) fn knows_tenants(&self) -> bool {
        self.config.settings.tenants.is_some()
    }

    pub(crate) fn proxies(&self) -> &TrustedProxies {
        &self.config.settings.trusted_proxies
    }

    #[cfg(feature = "utoipa")]
    pub(super) fn config(&self) -> &AuthConfig {
        &self.config
    }

    pub(super) fn config_mut(&mut self) -> &mut AuthConfig {
        Arc::make_mut(&mut self.config)
    }

    pub(super) fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.config_mut().settings)
    }
}

/// Returns the default settings with the app id and the directory of a verifier.
fn settings<C>(verifier: &impl Verify<C>) -> Settings {
    let refusals = RefusalSettings { watch: verifier.observer().into(), ..RefusalSettings::default() };
    let (app_id, directory) = (verifier.app_id(), verifier.directory());
    Settings { app_id, directory, refusals, ..Settings::default() }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService::new(inner, self.config.clone())
    }
}

impl fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer")
            .field("excluded_paths", &self.config.excluded_paths)
            .field("allow_anonymous", &self.config.allow_anonymous)
            .finish_non_exhaustive()
    }
}
