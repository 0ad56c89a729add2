use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tower_layer::Layer;

use super::decide::Rules;
use super::exclusions::Exclusions;
use super::hook::Hook;
use super::service::AuthService;
use crate::act_as::ActAsPolicy;
use crate::context::{Recorder, Settings};
use crate::credential::{AccessKey, BearerToken};
use crate::error::{AuthError, Language};
use crate::forwarded::TrustedProxies;
use crate::record::Record;
use crate::respond::Responder;
use crate::user::UserInfo;
use crate::verify::{Verifiers, Verify};

/// Verifies each request's credential and refuses those without a valid one.
///
/// The user is left in the request's extensions as [`UserInfo`], for the [extractors](crate::extract), and in the
/// [context](crate::context). Refused are: 401 whoever sent nothing or nothing valid, 403 whom the auth center turns
/// away, 503 when it could not be told. Cheap to clone.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use aigc_auth::{AuthClient, AuthLayer, CurrentUser};
/// use axum::{Router, routing::get};
///
/// async fn me(user: CurrentUser) -> String {
///     user.username.to_string()
/// }
///
/// # fn app() -> Result<Router, aigc_auth::BuildError> {
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
    rules: Arc<Rules>,
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

    /// Verifies tokens; access keys are refused, unless [`AuthLayer::with_access_keys`] says who verifies them.
    pub fn tokens_only(verifier: impl Verify<BearerToken>) -> Self {
        let settings = settings(&verifier);
        Self::with_verifiers(Verifiers::tokens(verifier), settings)
    }

    fn with_verifiers(verifiers: Verifiers, settings: Settings) -> Self {
        let rules = Rules {
            verifiers,
            exclusions: Exclusions::default(),
            allow_anonymous: false,
            allow_preflight: false,
            hook: None,
            verify_timeout: Duration::from_secs(10),
            time_bodies: false,
            settings: Arc::new(settings),
        };
        Self { rules: Arc::new(rules) }
    }

    /// Verifies access keys (`ak_…`) with this verifier.
    pub fn with_access_keys(mut self, verifier: impl Verify<AccessKey>) -> Self {
        let rules = self.rules_mut();
        let settings = Arc::make_mut(&mut rules.settings);
        settings.app_id = settings.app_id.take().or_else(|| verifier.app_id());
        settings.directory = settings.directory.take().or_else(|| verifier.directory());
        rules.verifiers = rules.verifiers.clone().with_access_keys(verifier);
        self
    }

    /// Lets every request to exactly this path through, unlooked at.
    ///
    /// The path is compared as it was sent and whole, also inside `nest`: `/health` is neither `/health/` nor
    /// `/HEALTH` nor `/api/health`. On such paths [`OptionalUser`](crate::OptionalUser) is always `None`.
    ///
    /// # Panics
    /// If it does not start with `/`.
    pub fn exclude_path(mut self, path: &str) -> Self {
        self.rules_mut().exclusions.add_path(path);
        self
    }

    /// Lets every request below this path through, unlooked at.
    ///
    /// Whole segments count: `/public` covers `/public`, `/public/` and `/public/a`, not `/publicity`. Paths that some
    /// servers read differently (`//`, `..`, `%2F`, `\`) are not excluded.
    ///
    /// # Panics
    /// If it does not start with `/`, has empty or dotted segments, or is `/`: leave the layer away instead.
    pub fn exclude_prefix(mut self, prefix: &str) -> Self {
        self.rules_mut().exclusions.add_prefix(prefix);
        self
    }

    /// Lets requests through whose credential is missing, invalid or unverifiable: extractors then decide.
    ///
    /// [`CurrentUser`](crate::CurrentUser) and what builds on it refuse as the layer would have; handlers without an
    /// extractor are open to everyone.
    pub fn allow_anonymous(mut self) -> Self {
        self.rules_mut().allow_anonymous = true;
        self
    }

    /// Lets CORS preflights through: `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    ///
    /// Only needed where the CORS layer sits inside this one; outside is the better place for it.
    pub fn allow_preflight(mut self) -> Self {
        self.rules_mut().allow_preflight = true;
        self
    }

    /// Runs this once per fresh verification, before the handler: not for users who are served from the cache.
    ///
    /// However many requests wait for one look-up, one of them runs it; a refresh in the background counts as fresh.
    /// The request waits for it, at most 5 s; if its caller hangs up meanwhile, the next request runs it again. It runs
    /// in the request's [context](crate::context). Of several layers that share a verifier, the first to see the answer
    /// runs its own.
    pub fn on_verified<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(UserInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.rules_mut().hook = Some(Hook::new(hook));
        self
    }

    /// Sets who may act as whom through [`ActAsUser`](crate::ActAsUser). Defaults to [`ActAsPolicy::new`].
    pub fn act_as(mut self, policy: ActAsPolicy) -> Self {
        self.settings_mut().act_as = policy;
        self
    }

    /// Records every request that is looked at, as a `StatsCollector` does.
    ///
    /// Excluded requests and those without a credential are not recorded. A caller who hangs up before the answer leaves
    /// a record of status 499, a panic one of 500. The time is that until the head of the answer, unless
    /// [`AuthLayer::time_bodies`] says otherwise.
    pub fn with_stats(mut self, recorder: impl Record) -> Self {
        self.settings_mut().recorder = Some(Recorder::new(recorder));
        self
    }

    /// Counts the time of the body in: a request is then recorded when its answer has been sent to the end, or when
    /// the caller has hung up. Defaults to the head of the answer.
    pub fn time_bodies(mut self) -> Self {
        self.rules_mut().time_bodies = true;
        self
    }

    /// Sets the language of refusals. Defaults to English. Replaces an [`AuthLayer::error_responder`] set before.
    pub fn language(self, language: Language) -> Self {
        self.responder(Responder::Envelope(language))
    }

    /// Answers refusals of this layer, and of the extractors and handlers below it, by this function. Defaults to the
    /// JSON envelope.
    ///
    /// ```
    /// # use aigc_auth::{AuthLayer, BearerToken, Verify};
    /// # fn app(verifier: impl Verify<BearerToken>) -> AuthLayer {
    /// AuthLayer::tokens_only(verifier).error_responder(|error| {
    ///     let mut response = http::Response::new(bytes::Bytes::from(format!("no: {:?}", error.kind())));
    ///     *response.status_mut() = error.status();
    ///     response
    /// })
    /// # }
    /// ```
    pub fn error_responder<F>(self, respond: F) -> Self
    where
        F: Fn(&AuthError) -> Response<Bytes> + Send + Sync + 'static,
    {
        self.responder(Responder::Custom(Arc::new(respond)))
    }

    /// Sets whose word about the client's address and scheme is believed. Defaults to
    /// [`TrustedProxies::private`].
    pub fn trusted_proxies(mut self, trusted: TrustedProxies) -> Self {
        self.settings_mut().trusted_proxies = trusted;
        self
    }

    /// Sets how long a verifier may take before the request is answered 503. Defaults to 10 s; the `AuthClient` keeps
    /// a shorter deadline of its own.
    pub fn verify_timeout(mut self, timeout: Duration) -> Self {
        self.rules_mut().verify_timeout = timeout;
        self
    }

    fn responder(mut self, responder: Responder) -> Self {
        self.settings_mut().responder = responder;
        self
    }

    fn rules_mut(&mut self) -> &mut Rules {
        Arc::make_mut(&mut self.rules)
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.rules_mut().settings)
    }
}

/// What a verifier of tokens says of itself.
fn settings<C>(verifier: &impl Verify<C>) -> Settings {
    Settings { app_id: verifier.app_id(), directory: verifier.directory(), ..Settings::default() }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService::new(inner, self.rules.clone())
    }
}

impl fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer")
            .field("exclusions", &self.rules.exclusions)
            .field("allow_anonymous", &self.rules.allow_anonymous)
            .finish_non_exhaustive()
    }
}
