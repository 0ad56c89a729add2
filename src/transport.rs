//! One call to the auth center: sent once, read within bounds, classified, retried once.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::breaker::{Breaker, Permit};
use crate::clock::Clock;
use crate::context;
use crate::envelope::Envelope;
use crate::error::{AuthError, BuildError, ErrorKind};
use crate::http_client::{self, Unread, is_near};
use crate::secret::Secret;
use crate::throttle::Throttle;

#[cfg(any(feature = "registry", feature = "stats", feature = "user-sync"))]
mod report;

#[cfg(any(feature = "registry", feature = "stats", feature = "user-sync"))]
pub(crate) use report::Unreported;

const X_APP_ID: HeaderName = HeaderName::from_static("x-app-id");
const X_APP_SECRET: HeaderName = HeaderName::from_static("x-app-secret");
const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// What a [`Transport`] is made of.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) base_url: String,
    pub(crate) app_id: String,
    pub(crate) app_secret: Secret,
    pub(crate) http: Option<reqwest::Client>,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_answer: usize,
    pub(crate) clock: Clock,
}

/// The way to the auth center.
pub(crate) struct Transport {
    http: reqwest::Client,
    /// `{base_url}/sdk`
    base: String,
    identity: HeaderMap,
    secret: Secret,
    breaker: Breaker,
    warnings: Throttle,
    in_flight: Semaphore,
    timeout: Duration,
    max_answer: usize,
}

/// A call to be made.
pub(crate) struct Call<'a, B> {
    endpoint: &'static str,
    body: &'a B,
    headers: HeaderMap,
    idempotent: bool,
    secrets: Vec<&'a str>,
}

impl<'a, B: Serialize> Call<'a, B> {
    pub(crate) fn new(endpoint: &'static str, body: &'a B) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(trace_id) = context::trace_id().and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.insert(X_TRACE_ID, trace_id);
        }
        Self { endpoint, body, headers, idempotent: true, secrets: Vec::new() }
    }

    /// Adds headers; the transport's own win.
    pub(crate) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Done twice, it has another effect: retried only where it cannot have arrived.
    pub(crate) fn not_idempotent(mut self) -> Self {
        self.idempotent = false;
        self
    }

    /// What errors must not show, should the center's message repeat it.
    pub(crate) fn secret(mut self, secret: &'a str) -> Self {
        self.secrets.push(secret);
        self
    }
}

/// How an attempt went wrong.
struct Failure {
    what: &'static str,
    retry: Retry,
    /// Whether the center is alive all the same, and merely refuses.
    alive: bool,
    /// The pause that the center asked for.
    pause: Option<Duration>,
    status: Option<StatusCode>,
    source: Option<reqwest::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    Never,
    IfIdempotent,
    /// It never arrived.
    Always,
}

impl Failure {
    fn new(what: &'static str) -> Self {
        Self { what, retry: Retry::Never, alive: false, pause: None, status: None, source: None }
    }

    fn into_error(self, endpoint: &str) -> AuthError {
        let status = self.status.map(|status| format!(" ({status})")).unwrap_or_default();
        let mut error = AuthError::new(ErrorKind::Unavailable)
            .with_detail(format!("POST {endpoint}: {}{status}", self.what));
        if let Some(pause) = self.pause {
            error = error.with_retry_after(pause);
        }
        match self.source {
            // Without the URL: a gateway's may be a secret of its own.
            Some(source) => error.with_source(source.without_url()),
            None => error,
        }
    }
}

impl Transport {
    pub(crate) fn new(settings: Settings) -> Result<Self, BuildError> {
        let base = base(&settings.base_url)?;
        let mut identity = HeaderMap::new();
        let header = |name: &str, value: &str| {
            HeaderValue::from_str(value)
                .map_err(|_| BuildError::new(format!("the {name} has characters that no header can carry")))
        };
        if settings.app_id.is_empty() || settings.app_secret.expose().is_empty() {
            return Err(BuildError::new("the app id and the app secret must not be empty"));
        }
        identity.insert(X_APP_ID, header("app id (AIGC_AUTH_APP_ID)", &settings.app_id)?);
        let mut secret = header("app secret (AIGC_AUTH_APP_SECRET)", settings.app_secret.expose())?;
        secret.set_sensitive(true);
        identity.insert(X_APP_SECRET, secret);
        identity.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let http = match settings.http {
            Some(http) => http,
            None => http_client::new(base.scheme() == "https", settings.connect_timeout)?,
        };
        if base.scheme() == "http" && !is_near(&base) {
            tracing::warn!(host = base.host_str(), "the app secret goes to the auth center over plain http");
        }
        Ok(Self {
            http,
            base: format!("{}/sdk", base.as_str().trim_end_matches('/')),
            identity,
            secret: settings.app_secret,
            breaker: Breaker::new(settings.clock.clone()),
            warnings: Throttle::new(settings.clock, Duration::from_secs(10)),
            in_flight: Semaphore::new(settings.max_in_flight),
            timeout: settings.timeout,
            max_answer: settings.max_answer,
        })
    }

    /// Makes a call and reads the `data` of its answer.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] with the center's code where the center refused; [`ErrorKind::Unavailable`] for
    /// everything else.
    pub(crate) async fn call<B: Serialize, R: DeserializeOwned>(
        &self,
        call: Call<'_, B>,
    ) -> Result<R, AuthError> {
        let endpoint = call.endpoint;
        let deadline = Instant::now() + self.timeout;
        let unavailable = |what| Failure::new(what).into_error(endpoint);
        let body = serde_json::to_vec(call.body)
            .map_err(|error| AuthError::new(ErrorKind::Internal).with_source(error))?;
        // Before the place in the queue is taken: a dead center costs no waiting.
        drop(self.permit(endpoint)?);
        let Ok(Ok(_place)) = timeout_at(deadline, self.in_flight.acquire()).await else {
            return Err(unavailable("too many calls are in flight"));
        };
        let permit = self.permit(endpoint)?;
        let attempts = self.attempts(endpoint, &call.headers, body, call.idempotent);
        let attempt = match timeout_at(deadline, attempts).await {
            Ok(attempt) => attempt,
            Err(_) => Err(Failure::new("no answer in time")),
        };
        match attempt.and_then(|body| decode(&body)) {
            Ok(answer) => {
                permit.succeeded();
                answer.map_err(|(code, message)| self.rejection(code, &message, &call.secrets))
            }
            Err(failure) => {
                account(permit, &failure);
                let error = failure.into_error(endpoint);
                self.warn(&error);
                Err(error)
            }
        }
    }

    /// The headers that say which app calls.
    #[cfg(feature = "outbound")]
    pub(crate) fn app_headers(&self) -> HeaderMap {
        let mut headers = self.identity.clone();
        headers.remove(CONTENT_TYPE);
        headers
    }

    fn permit(&self, endpoint: &str) -> Result<Permit<'_>, AuthError> {
        self.breaker.permit().map_err(|wait| {
            let failure =
                Failure { pause: Some(wait), ..Failure::new("not sent, the auth center is failing") };
            failure.into_error(endpoint)
        })
    }

    async fn attempts(
        &self,
        endpoint: &str,
        headers: &HeaderMap,
        body: Vec<u8>,
        idempotent: bool,
    ) -> Result<Vec<u8>, Failure> {
        let url = format!("{}{endpoint}", self.base);
        let body = bytes::Bytes::from(body);
        let first = self.attempt(&url, headers, body.clone()).await;
        match &first {
            Err(Failure { retry, .. })
                if *retry == Retry::Always || (idempotent && *retry != Retry::Never) => {}
            _ => return first,
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..80))).await;
        self.attempt(&url, headers, body).await
    }

    async fn attempt(&self, url: &str, headers: &HeaderMap, body: bytes::Bytes) -> Result<Vec<u8>, Failure> {
        // `headers` replaces what is there, so that nobody's extra headers stand in for the app's identity.
        let request = self.http.post(url).headers(headers.clone()).headers(self.identity.clone()).body(body);
        let response = request.send().await.map_err(|error| {
            let (what, retry) = if error.is_connect() {
                ("cannot connect", Retry::Always)
            } else if error.is_timeout() {
                ("no answer in time", Retry::Never)
            } else {
                ("the connection broke before an answer", Retry::IfIdempotent)
            };
            Failure { retry, source: Some(error), ..Failure::new(what) }
        })?;
        if response.url().as_str() != url {
            // Only a client of the caller's own follows redirects.
            return Err(Failure::new("the answer came by a redirect; build the HTTP client without them"));
        }
        check_status(&response)?;
        http_client::read(response, self.max_answer).await.map_err(|unread| match unread {
            Unread::TooLarge => Failure::new("the answer is too large"),
            Unread::Broken(error) => {
                Failure { source: Some(error), ..Failure::new("the connection broke within the answer") }
            }
        })
    }

    /// Warns of the first failure and then now and then: in an outage there are as many as requests.
    fn warn(&self, error: &AuthError) {
        if self.warnings.is_due() {
            tracing::warn!(%error, cause = error.source(), "calls to the auth center fail");
        }
    }

    fn rejection(&self, code: i64, message: &str, secrets: &[&str]) -> AuthError {
        let error = AuthError::new(ErrorKind::Rejected).with_code(code);
        let tells = |secret: &str| !secret.is_empty() && message.contains(secret);
        if message.is_empty() || tells(self.secret.expose()) || secrets.iter().any(|secret| tells(secret)) {
            return error;
        }
        error.with_detail(message.chars().take(200).collect::<String>())
    }
}

/// The data of an answer, or the code and message of a refusal.
fn decode<R: DeserializeOwned>(body: &[u8]) -> Result<Result<R, (i64, String)>, Failure> {
    let envelope: Envelope<serde_json::Value> = serde_json::from_slice(body)
        .map_err(|_| Failure::new("the answer is not the JSON of an auth center"))?;
    if envelope.code != 0 {
        return Ok(Err((envelope.code, envelope.message)));
    }
    serde_json::from_value(envelope.data.unwrap_or_default()).map(Ok).map_err(|_| Failure {
        // One broken record must not close the way for everybody.
        alive: true,
        ..Failure::new("the data of the answer has not the shape that the endpoint promises")
    })
}

fn check_status(response: &reqwest::Response) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let what = match status {
        StatusCode::TOO_MANY_REQUESTS => "the auth center asks for a pause",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "the auth center refused; are app id and secret right?"
        }
        StatusCode::NOT_FOUND => "there is no such endpoint; is the base URL right?",
        _ if status.is_redirection() => {
            "the auth center redirects, which is not followed; is the base URL right?"
        }
        _ if status.is_server_error() => "the auth center is failing",
        _ => "the auth center refused",
    };
    let pause = retry_after(response.headers());
    let told_to_wait = status == StatusCode::TOO_MANY_REQUESTS;
    Err(Failure {
        retry: if matches!(status.as_u16(), 502..=504) { Retry::IfIdempotent } else { Retry::Never },
        alive: !status.is_server_error() && !told_to_wait,
        pause: if told_to_wait { pause.or(Some(Duration::from_secs(1))) } else { pause },
        status: Some(status),
        ..Failure::new(what)
    })
}

fn account(permit: Permit<'_>, failure: &Failure) {
    match failure {
        Failure { alive: true, .. } => permit.succeeded(),
        Failure { status: Some(StatusCode::TOO_MANY_REQUESTS), pause: Some(pause), .. } => {
            permit.told_to_wait(*pause);
        }
        _ => {
            if let Some(pause) = permit.failed() {
                tracing::warn!(what = failure.what, ?pause, "no more calls to the auth center for a while");
            }
        }
    }
}

/// RFC 9110 section 10.2.3: seconds or a date. Between 1 s and 60 s, whatever it says.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            date.duration_since(std::time::SystemTime::now()).unwrap_or_default()
        }
    };
    Some(after.clamp(Duration::from_secs(1), Duration::from_secs(60)))
}

fn base(text: &str) -> Result<Url, BuildError> {
    let refuse =
        |why: &str| BuildError::new(format!("the base URL of the auth center (AIGC_AUTH_BASE_URL) {why}"));
    let base = Url::parse(text).map_err(|error| refuse("is not a URL").with_source(error))?;
    if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
        return Err(refuse("must start with https:// or http:// and name a host"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(refuse("must not carry a user name or password"));
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err(refuse("must end with its path, without `?` or `#`"));
    }
    Ok(base)
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base", &self.base).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        for (given, expected) in [
            ("https://auth.example.com", Some("https://auth.example.com/sdk")),
            ("https://auth.example.com/", Some("https://auth.example.com/sdk")),
            ("https://gw.example.com/aigc-auth", Some("https://gw.example.com/aigc-auth/sdk")),
            ("https://gw.example.com/aigc-auth/", Some("https://gw.example.com/aigc-auth/sdk")),
            ("http://127.0.0.1:8000/a/b//", Some("http://127.0.0.1:8000/a/b/sdk")),
            ("auth.example.com", None),
            ("ftp://auth.example.com", None),
            ("https://", None),
            ("https://user:pass@auth.example.com", None),
            ("https://auth.example.com?x=1", None),
            ("https://auth.example.com#x", None),
            ("", None),
        ] {
            let transport = Transport::new(Settings {
                base_url: given.to_owned(),
                app_id: "app".to_owned(),
                app_secret: Secret::new("secret"),
                http: None,
                connect_timeout: Duration::from_secs(1),
                timeout: Duration::from_secs(5),
                max_in_flight: 1,
                max_answer: 1,
                clock: Clock::default(),
            });
            assert_eq!(transport.ok().map(|transport| transport.base).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn retry_after_headers() {
        for (value, expected) in [
            ("7", Some(7)),
            ("0", Some(1)),
            ("3600", Some(60)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(1)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(60)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value}");
        }
    }
}
