//! Send a call, once or twice, and read its answer within bounds.

use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::HeaderMap;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use url::Url;

use super::client::ApiClient;
use super::failure::{Cause, Failure, Retry, check_status};
use super::message::Message;
use crate::upstream::call_meter::CallMeter;
use crate::upstream::http_client::{self, Unread};
use crate::upstream::http_span::{HttpSpan, Outgoing};

impl ApiClient {
    /// The URL of an endpoint. Each is parsed once.
    fn url(&self, endpoint: &'static str) -> Result<Url, Failure> {
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = urls.get(endpoint) {
            return Ok(url.clone());
        }
        let url = Url::parse(&format!("{}{endpoint}", self.base))
            .map_err(|_| Failure::new("not sent: the base URL cannot be continued", Cause::Local))?;
        urls.insert(endpoint, url.clone());
        Ok(url)
    }

    /// Sends a call, and once more if it cannot have arrived, or may arrive twice.
    pub(super) async fn attempts(&self, message: Message<'_>, idempotent: bool) -> Result<Vec<u8>, Failure> {
        let first = self.attempt(&message, 0).await;
        match &first {
            Err(Failure { retry, .. })
                if *retry == Retry::Always || (idempotent && *retry != Retry::Never) => {}
            _ => return first,
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..80))).await;
        self.attempt(&message, 1).await
    }

    /// Sends a call once, past the circuit breaker and `max_in_flight`.
    pub(super) async fn attempt_in_time(
        &self,
        meter: &CallMeter<'_>,
        endpoint: &'static str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Vec<u8>, Failure> {
        let deadline = Instant::now() + self.timeout();
        let message = Message { endpoint, headers, body, deadline, meter };
        let attempt = timeout_at(message.deadline, self.attempt(&message, 0));
        attempt.await.unwrap_or_else(|_| Err(Failure::new("no answer in time", Cause::Away)))
    }

    async fn attempt(&self, message: &Message<'_>, resends: u32) -> Result<Vec<u8>, Failure> {
        let url = self.url(message.endpoint)?;
        let outgoing = Outgoing {
            method: &Method::POST,
            url: url.as_str(),
            is_template: true,
            resends,
            deadline: Some(message.deadline),
        };
        let mut span = HttpSpan::start(&outgoing);
        let within = span.span().clone();
        let answer = self.exchange(&url, message, &mut span).instrument(within).await;
        if let Err(failure) = &answer {
            span.ended_by(failure);
        }
        answer
    }

    async fn exchange(
        &self,
        url: &Url,
        message: &Message<'_>,
        span: &mut HttpSpan,
    ) -> Result<Vec<u8>, Failure> {
        message.meter.sends();
        let mut request = reqwest::Request::new(Method::POST, url.clone());
        let headers = request.headers_mut();
        *headers = self.identity.clone();
        for (name, value) in message.headers {
            // None can take the place of the app's identity.
            if !self.identity.contains_key(name) {
                headers.append(name, value.clone());
            }
        }
        for (name, value) in &self.trace_headers.of_call(span.span()) {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
        *request.body_mut() = Some(message.body.clone().into());
        let response = self.http.execute(request).await.map_err(|error| {
            let (reason, cause, retry) = if error.is_connect() {
                ("cannot connect", Cause::Away, Retry::Always)
            } else if error.is_timeout() {
                ("no answer in time", Cause::Away, Retry::Never)
            } else {
                ("the connection broke before an answer", Cause::Call, Retry::IfIdempotent)
            };
            Failure { retry, source: Some(error), ..Failure::new(reason, cause) }
        })?;
        span.answered(response.status());
        if response.url() != url {
            // Only a client that the service supplied follows redirects.
            let reason = "the answer came by a redirect; build the HTTP client without them";
            return Err(Failure::new(reason, Cause::Call));
        }
        check_status(&response)?;
        http_client::read(response, self.max_response).await.map_err(|unread| match unread {
            Unread::TooLarge => Failure::new("the answer is too large", Cause::Call),
            Unread::Broken(error) => {
                let failure = Failure::new("the connection broke within the answer", Cause::Call);
                Failure { source: Some(error), ..failure }
            }
        })
    }
}

impl HttpSpan {
    /// Records a failure, unless its status says it.
    fn ended_by(&mut self, failure: &Failure) {
        match (&failure.source, failure.status) {
            (_, Some(_)) => {}
            (Some(error), None) => self.broke(error),
            (None, None) => self.failed("invalid_response"),
        }
    }
}
