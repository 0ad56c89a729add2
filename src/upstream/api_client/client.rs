use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

use super::base_url::BaseUrl;
use super::call::Call;
use super::data::ReadData;
use super::decode::decode;
use super::error::CallError;
use super::failure::{Cause, Failure};
use super::identity;
use super::message::Message;
use super::outcome::{answered, record_failure, record_success, told_failure};
use super::rejection::Rejection;
use crate::ports::observer::{BreakerState, Watch};
use crate::types::error::{AuthError, BuildError, ErrorKind};
use crate::types::secret::Secret;
use crate::upstream::call_meter::CallMeter;
use crate::upstream::circuit_breaker::CircuitBreakers;
use crate::upstream::gate::{Attempt, Gate};
use crate::upstream::http_client::{self, is_near};
use crate::upstream::trace_headers::TraceHeaders;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

const X_APP_ID: HeaderName = HeaderName::from_static("x-app-id");
const X_APP_SECRET: HeaderName = HeaderName::from_static("x-app-secret");

/// The configuration of an [`ApiClient`].
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) base_url: String,
    pub(crate) app_id: String,
    pub(crate) app_secret: Secret,
    pub(crate) http: Option<reqwest::Client>,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_in_flight: usize,
    /// Longest response body that is read, in bytes.
    pub(crate) max_response: usize,
    pub(crate) trace_headers: TraceHeaders,
    pub(crate) clock: Clock,
    pub(crate) watch: Watch,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is no base URL may have a password in it, or be one.
        let base_url = BaseUrl::parse(&self.base_url).ok().map(|base| base.url);
        f.debug_struct("Settings")
            .field("base_url", &base_url.as_ref().map(Url::as_str))
            .field("app_id", &self.app_id)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("max_in_flight", &self.max_in_flight)
            .field("trace_headers", &self.trace_headers)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// Calls the endpoints of the auth center.
pub(crate) struct ApiClient {
    pub(super) http: reqwest::Client,
    /// `{base_url}/sdk`, without a user name and a query.
    pub(crate) base: String,
    pub(super) identity: HeaderMap,
    pub(super) secret: Secret,
    breakers: CircuitBreakers,
    /// By endpoint, of which there are a few.
    pub(super) urls: Mutex<HashMap<&'static str, Url>>,
    warnings: LogThrottle,
    pub(super) gate: Gate,
    pub(super) max_response: usize,
    pub(super) trace_headers: TraceHeaders,
    pub(super) watch: Watch,
}

impl ApiClient {
    pub(crate) fn new(settings: Settings) -> Result<Self, BuildError> {
        let BaseUrl { url: base, ended_in_sdk } = BaseUrl::parse(&settings.base_url)?;
        if ended_in_sdk {
            tracing::warn!(
                "the base URL of the auth center (AIGC_AUTH_BASE_URL) ends in /sdk, which is added to it; it is taken without"
            );
        }
        let mut identity = HeaderMap::new();
        identity.insert(X_APP_ID, identity::app_id(&settings.app_id)?);
        identity.insert(X_APP_SECRET, identity::app_secret(&settings.app_secret)?);
        identity.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let http = match settings.http {
            Some(http) => http,
            None => http_client::new(base.scheme() == "https", settings.connect_timeout)?,
        };
        if base.scheme() == "http" && !is_near(&base) {
            tracing::warn!(host = base.host_str(), "app secret is sent to the auth center over plain http");
        }
        Ok(Self {
            http,
            base: format!("{}/sdk", base.as_str().trim_end_matches('/')),
            identity,
            secret: settings.app_secret,
            breakers: CircuitBreakers::new(settings.clock.clone(), settings.watch.clone()),
            urls: Mutex::default(),
            warnings: LogThrottle::new(settings.clock, Duration::from_secs(10)),
            gate: Gate::new(settings.max_in_flight, settings.timeout),
            max_response: settings.max_response,
            trace_headers: settings.trace_headers,
            watch: settings.watch,
        })
    }

    /// Makes a call and deserializes the `data` of its response.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] with the auth center's code if the auth center rejected the call;
    /// [`ErrorKind::Unavailable`] for everything else.
    pub(crate) async fn call<B: Serialize, R: ReadData>(&self, call: Call<'_, B>) -> Result<R, AuthError> {
        self.lookup(call).await.map_err(|failed| failed.error)
    }

    /// Makes a call, and says in its error how long not to make it again.
    ///
    /// # Errors
    /// As [`ApiClient::call`].
    pub(crate) async fn lookup<B: Serialize, R: ReadData>(&self, call: Call<'_, B>) -> Result<R, CallError> {
        let endpoint = call.endpoint;
        let body = serde_json::to_vec(call.body)
            .map_err(|error| AuthError::new(ErrorKind::Internal).with_source(error))?;
        let breaker = self.breakers.of(endpoint);
        let meter = CallMeter::new(&self.watch, endpoint);
        let message = Message {
            endpoint,
            headers: &call.headers,
            body: body.into(),
            deadline: Instant::now() + self.timeout(),
            meter: &meter,
        };
        // In memory of its own: as a part of the task that waits for a slot it would be moved with it, and take up its 4 KiB for as
        // long.
        let attempts = || Box::pin(self.attempts(message, call.idempotent));
        let passed = self.gate.pass(&breaker, call.subject, attempts).await;
        let (permit, attempt) = passed.map_err(|refused| {
            meter.refused(refused, &self.gate);
            Failure::from(refused).into_call_error(endpoint)
        })?;
        let attempt = match attempt {
            Attempt::Ended(attempt) => attempt,
            Attempt::TimedOut { had_most } => {
                let cause = if had_most { Cause::Away } else { Cause::Local };
                Err(Failure::new("no answer in time", cause))
            }
        };
        match attempt.and_then(|body| decode(&body)) {
            Ok(answer) => {
                record_success(permit, endpoint);
                meter.ended(answered(answer.is_ok()), None, Some(&self.gate));
                answer.map_err(|rejection| self.rejection(endpoint, rejection, &call.secrets).into())
            }
            Err(failure) => {
                record_failure(permit, &failure, endpoint);
                told_failure(&meter, &failure, &self.gate);
                let error = failure.into_call_error(endpoint);
                if self.warn(&error.error) {
                    breaker.mark_logged();
                }
                Err(error)
            }
        }
    }

    /// The timeout of a call.
    pub(super) fn timeout(&self) -> Duration {
        self.gate.timeout()
    }

    /// Returns how many calls are in flight, how many wait, and the state of each circuit breaker.
    pub(crate) fn load(&self) -> (usize, usize, Vec<(&'static str, BreakerState)>) {
        let (in_flight, waiting) = self.gate.load();
        (in_flight, waiting, self.breakers.states())
    }

    /// Whether so many calls are in flight that those which nobody waits for had better wait.
    pub(crate) fn is_busy(&self) -> bool {
        self.gate.is_busy()
    }

    /// Returns the host and port that calls go to. IPv6 addresses have no brackets.
    #[cfg(feature = "registry")]
    pub(crate) fn host_and_port(&self) -> Option<(String, u16)> {
        let base = url::Url::parse(&self.base).ok()?;
        let host = base.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some((host, base.port_or_known_default()?))
    }

    /// Returns the headers that identify this app.
    #[cfg(feature = "outbound")]
    pub(crate) fn app_headers(&self) -> HeaderMap {
        let mut headers = self.identity.clone();
        headers.remove(CONTENT_TYPE);
        headers
    }

    /// Returns the state of the circuit breaker that the next lookup of a credential meets.
    pub(crate) fn next_lookup(&self) -> BreakerState {
        self.breakers.of("/user/info").of_next_call()
    }

    /// Where the headers of a trace come from.
    #[cfg(feature = "outbound")]
    pub(crate) fn trace_headers(&self) -> TraceHeaders {
        self.trace_headers.clone()
    }

    /// Logs the first failure, and then at most one every 10 s: in an outage there are as many as requests. Returns whether it did.
    fn warn(&self, error: &AuthError) -> bool {
        let is_due = self.warnings.is_due();
        if is_due {
            tracing::warn!(%error, cause = error.source(), "call to the auth center failed");
        }
        is_due
    }

    /// Returns the error of a rejected call, without the app's secret and those of the call.
    pub(super) fn rejection(
        &self,
        endpoint: &'static str,
        rejection: Rejection,
        secrets: &[&str],
    ) -> AuthError {
        let secrets = [&[self.secret.expose()], secrets].concat();
        rejection.into_error(endpoint, &secrets)
    }
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient").field("base", &self.base).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_is_validated_and_normalized() {
        for (given, expected) in [
            ("https://auth.example.com", Some("https://auth.example.com/sdk")),
            ("https://auth.example.com/", Some("https://auth.example.com/sdk")),
            ("https://gw.example.com/aigc-auth", Some("https://gw.example.com/aigc-auth/sdk")),
            ("https://gw.example.com/aigc-auth/", Some("https://gw.example.com/aigc-auth/sdk")),
            ("http://127.0.0.1:8000/a/b//", Some("http://127.0.0.1:8000/a/b/sdk")),
            ("https://auth.example.com/sdk", Some("https://auth.example.com/sdk")),
            ("https://auth.example.com/sdk/", Some("https://auth.example.com/sdk")),
            ("https://gw.example.com/aigc-auth/sdk", Some("https://gw.example.com/aigc-auth/sdk")),
            ("https://gw.example.com/my-sdk", Some("https://gw.example.com/my-sdk/sdk")),
            ("https://gw.example.com/sdk/auth", Some("https://gw.example.com/sdk/auth/sdk")),
            ("auth.example.com", None),
            ("ftp://auth.example.com", None),
            ("https://", None),
            ("https://user:pass@auth.example.com", None),
            ("https://auth.example.com?x=1", None),
            ("https://auth.example.com#x", None),
            ("", None),
        ] {
            let client = ApiClient::new(Settings {
                base_url: given.to_owned(),
                app_id: "app".to_owned(),
                app_secret: Secret::new("secret"),
                http: None,
                connect_timeout: Duration::from_secs(1),
                timeout: Duration::from_secs(5),
                max_in_flight: 1,
                max_response: 1,
                clock: Clock::default(),
                trace_headers: TraceHeaders::default(),
                watch: Watch::default(),
            });
            assert_eq!(client.ok().map(|client| client.base).as_deref(), expected, "{given}");
        }
    }
}
