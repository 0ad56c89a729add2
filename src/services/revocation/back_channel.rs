use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use super::logout_replays::LogoutReplays;
#[cfg(feature = "webhook")]
use crate::ports::replay_memory::ReplayMemory;
use crate::types::error::{AuthError, BuildError, ErrorKind};
use crate::types::revocation::Revocation;
use crate::verifiers::jwt::{JwtVerifier, LogoutRules, LogoutToken};

/// Receives log-outs from the issuer: OpenID Connect Back-Channel Logout 1.0.
///
/// The issuer posts a log-out token, signed by the keys of its access tokens. It names a session (`sid`), whose tokens are
/// revoked, or else a user (`sub`), whose tokens are revoked that were issued until then. Never taken for an access token, and
/// an access token never for it.
///
/// ```
/// use aigc_auth::AuthLayer;
/// use aigc_auth::jwt::JwtVerifier;
/// use aigc_auth::revocation::{BackChannelLogout, MemoryRevocations};
/// use axum::{Router, routing::get};
///
/// let verifier = JwtVerifier::from_issuer("https://login.example.com/realms/main")
///     .audience("reports-api")
///     .revocations(MemoryRevocations::new())
///     .build()?;
/// // The client's id at the issuer, where `https://reports.example.com/backchannel-logout` is registered for it.
/// let logout = BackChannelLogout::new(verifier.clone(), "reports-web")?;
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(AuthLayer::new(verifier))
///     .merge(logout.router());
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct BackChannelLogout {
    verifier: JwtVerifier,
    rules: LogoutRules,
    path: String,
    every_session: bool,
    replays: Arc<LogoutReplays>,
}

/// How long past its end a token may be accepted, with any `leeway` that makes sense.
const LEEWAY: Duration = Duration::from_secs(300);
/// Longest body: a token has 8 KiB at most.
const MAX_LEN: usize = 16 * 1024;
/// The timeout for the whole body, since the caller is not authenticated yet.
const TIMEOUT: Duration = Duration::from_secs(10);

impl BackChannelLogout {
    /// Receives log-outs from the issuers of this verifier for the client of this id: their `aud`.
    ///
    /// # Errors
    /// If the verifier has no [`revocations`](crate::jwt::JwtVerifierBuilder::revocations), or takes the tokens of any issuer.
    pub fn new(verifier: JwtVerifier, client_id: impl Into<String>) -> Result<Self, BuildError> {
        verifier.check_for_logout()?;
        let rules = LogoutRules {
            audiences: vec![client_id.into()],
            max_age: Duration::from_secs(120),
            accept_untyped: false,
        };
        let replays = Arc::new(LogoutReplays::here(verifier.clock().clone()));
        Ok(Self { verifier, rules, path: "/backchannel-logout".to_owned(), every_session: false, replays })
    }

    /// Adds the id of another client, such as the one at another issuer.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.rules.audiences.push(client_id.into());
        self
    }

    /// Sets the path. Defaults to `/backchannel-logout`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets how long ago a log-out token may have been issued. Defaults to 2 minutes, the longest that the specification
    /// recommends for its life.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.rules.max_age = age;
        self
    }

    /// Accepts log-out tokens whose header has another `typ` than `logout+jwt`, or none, as issuers send them that are older
    /// than the specification. What else makes a log-out token is required all the same.
    pub fn accept_untyped(mut self) -> Self {
        self.rules.accept_untyped = true;
        self
    }

    /// Revokes all tokens of the user, where a log-out token names a session and a user: for issuers whose access tokens have
    /// no `sid`. Defaults to the session alone.
    pub fn end_every_session(mut self) -> Self {
        self.every_session = true;
        self
    }

    /// Sets the memory of the log-out tokens that were applied. Defaults to one of this process, of 100,000 tokens. What it is
    /// shared for is that the log counts no log-out twice: one that is applied again changes nothing.
    #[cfg(feature = "webhook")]
    pub fn replay_memory(mut self, memory: impl ReplayMemory) -> Self {
        self.replays = Arc::new(LogoutReplays::Shared(Arc::new(memory)));
        self
    }

    /// Returns a router with `POST /backchannel-logout`. Merge it after [`AuthLayer`](crate::AuthLayer): its requests have no
    /// other credential than the log-out token.
    ///
    /// | request | response, with `Cache-Control: no-store` |
    /// |---|---|
    /// | valid log-out token | 200; the tokens are rejected from then on |
    /// | … that was applied already, is malformed, too old, of another issuer or audience, or no log-out token | 400, `invalid_request` |
    /// | … whose key, or the list of revocations, is unavailable | 400, `temporarily_unavailable`: the specification has no other status |
    /// | no form, or one over 16 KiB, or one that takes over 10 s | 400, `invalid_request` |
    ///
    /// # Panics
    /// If the path is not valid, like [`Router::route`].
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let path = self.path.clone();
        let endpoint = Arc::new(self);
        let receive = move |request: Request| {
            let endpoint = endpoint.clone();
            async move { answer(endpoint.receive(request).await) }
        };
        Router::new().route(&path, post(receive))
    }

    async fn receive(&self, request: Request) -> Result<(), AuthError> {
        let (parts, body) = request.into_parts();
        let token = read(&parts.headers, body).await?;
        let token = self.verifier.verify_logout_token(&token, &self.rules).await?;
        let ttl = self.accepted_for(&token);
        let Some(claim) = self.replays.claim(&token, ttl).await else {
            return Err(invalid("the log-out token has been applied already"));
        };
        let applied = self.apply(&token).await;
        match &applied {
            Ok(()) => {
                tracing::info!(issuer = token.issuer, sub = token.subject, "logged out by the issuer");
                claim.keep(ttl).await;
            }
            Err(_) => claim.release().await,
        }
        applied
    }

    /// For how long it is accepted at most: to its end, or until it is too old, whichever comes first.
    fn accepted_for(&self, token: &LogoutToken) -> Duration {
        let rest = token.expires_at.duration_since(self.verifier.clock().today()).unwrap_or_default();
        // Its date may be ahead of this clock as well.
        rest.min(self.rules.max_age.saturating_add(LEEWAY)).saturating_add(LEEWAY)
    }

    async fn apply(&self, token: &LogoutToken) -> Result<(), AuthError> {
        if let Some(sid) = &token.sid {
            self.verifier.log_out(&Revocation::session(&**sid)).await?;
        }
        match &token.subject {
            Some(subject) if token.sid.is_none() || self.every_session => {
                let revocation = Revocation::user(&**subject, after(token.issued_at));
                self.verifier.log_out(&revocation).await
            }
            _ => Ok(()),
        }
    }
}

/// The start of the next second: a token of the same second may have been issued before the log-out.
fn after(issued_at: SystemTime) -> SystemTime {
    let seconds = issued_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    UNIX_EPOCH + Duration::from_secs(seconds + 1)
}

fn invalid(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::InvalidRequest).with_detail(detail)
}

/// Reads the one `logout_token` of a form (section 2.5).
async fn read(headers: &HeaderMap, body: Body) -> Result<String, AuthError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(invalid("expected a form: `application/x-www-form-urlencoded`"));
    }
    let body: Bytes = match timeout(TIMEOUT, to_bytes(body, MAX_LEN)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(invalid("expected a form of at most 16 KiB, which arrives as a whole")),
        Err(_) => return Err(invalid("the form did not arrive within 10 s")),
    };
    let mut tokens = form_urlencoded::parse(&body).filter(|(name, _)| name == "logout_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Ok(token.into_owned()),
        (None, _) => Err(invalid("expected `logout_token` in the form")),
        (Some(_), Some(_)) => Err(invalid("expected one `logout_token` in the form, found several")),
    }
}

/// Section 2.8.
fn answer(applied: Result<(), AuthError>) -> Response {
    let mut response = match applied {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => {
            tracing::warn!(%error, "log-out by the issuer refused");
            let code = match error.kind() {
                ErrorKind::Unavailable | ErrorKind::Misconfigured | ErrorKind::Internal => {
                    "temporarily_unavailable"
                }
                _ => "invalid_request",
            };
            let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (StatusCode::BAD_REQUEST, json, json!({ "error": code }).to_string()).into_response()
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
