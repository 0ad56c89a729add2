use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Request, Response};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::error::{OutboundError, OutboundErrorKind};
use super::idle::with_idle_timeout;
use super::propagation::Propagator;
use super::redirect::{redirect, warn_if_redirected};
use super::usage::{RecordedCall, without_query};
use crate::request::context::{self, Recorder, RequestContext};
use crate::upstream::http_span::{HttpSpan, Outgoing};

/// Calls other services on behalf of the user of the current request.
///
/// To [trusted origins](super::OutboundClientBuilder::trust_origin), a call carries `X-App-ID`, `X-App-Secret`, the user's
/// `Authorization`, `x-real-ip`, `User-Agent`, `X-Trace-ID`, and `traceparent` and `tracestate`, those of the request or what
/// [`trace_headers`](super::OutboundClientBuilder::trace_headers) writes. To other origins, nothing is added.
/// Headers that the caller sets take precedence.
///
/// # Redirects
///
/// Up to 10 redirects are followed, and each hop is checked again. To another origin, the caller's headers are dropped
/// except for harmless ones such as `Accept`, and a body is sent only among trusted origins. After a hop to an untrusted
/// origin, or from `https` to `http`, nothing is added any more, even if a later hop is trusted: an untrusted host must not
/// choose the requests that are made in the user's name.
///
/// # Usage records
///
/// Calls are recorded in the [given statistics](super::OutboundClientBuilder::with_stats), or else in those of the current
/// request. A call with its redirects is one record. The prices of its answer (`X-Match-…`) count if they come from a
/// trusted origin.
///
/// Cheap to clone; clones share their connections.
///
/// ```no_run
/// # async fn example(client: aigc_auth::AuthClient) -> Result<(), Box<dyn std::error::Error>> {
/// use aigc_auth::outbound::OutboundClient;
///
/// let outbound = OutboundClient::builder(&client).trust_origin("https://orders.internal").build()?;
/// let orders = outbound.get("https://orders.internal/orders").query(&[("page", "1")]).send().await?;
/// println!("{}", orders.text().await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct OutboundClient {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    /// Follows no redirects itself.
    pub(super) http: reqwest::Client,
    pub(super) propagator: Propagator,
    pub(super) recorder: Option<Recorder>,
    /// Of a whole call.
    pub(super) timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_redirects: usize,
}

impl OutboundClient {
    /// Sends a request that was built elsewhere.
    ///
    /// # Errors
    /// If there is no answer. Answers of any status are answers.
    pub async fn execute(&self, request: Request) -> Result<Response, OutboundError> {
        let limits = self.inner.limits(&request, None);
        self.execute_within(request, limits).await
    }

    pub(super) async fn execute_within(
        &self,
        request: Request,
        limits: Limits,
    ) -> Result<Response, OutboundError> {
        let context = context::current();
        let inner = &*self.inner;
        let call = inner.recorded(&request, context.as_ref());
        let answer = inner.follow(request, limits, context.as_ref()).await;
        match &answer {
            Ok(response) => {
                let is_trusted = inner.propagator.is_trusted(response.url());
                call.answered(response.status(), response.headers(), is_trusted);
            }
            Err(error) => call.failed(&error.to_string()),
        }
        answer
    }
}

/// How long a call may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// As a whole, redirects and the answer's body included.
    total: Option<Duration>,
    /// Until the answer's head, and from each part of its body to the next.
    idle: Option<Duration>,
}

impl Inner {
    /// Returns the limits of a request, for which an idle timeout may be set.
    pub(super) fn limits(&self, request: &Request, idle: Option<Duration>) -> Limits {
        let default = if idle.is_some() { None } else { self.timeout };
        Limits { total: request.timeout().copied().or(default), idle: idle.or(self.idle_timeout) }
    }

    /// Starts the usage record of a call.
    pub(super) fn recorded(&self, request: &Request, context: Option<&RequestContext>) -> RecordedCall {
        let credential = self.propagator.credential(context);
        RecordedCall::start(self.recorder.as_ref(), context, credential, request.method(), request.url())
    }

    /// Sends the request, and follows redirects.
    async fn follow(
        &self,
        mut request: Request,
        limits: Limits,
        context: Option<&RequestContext>,
    ) -> Result<Response, OutboundError> {
        // `None` also for a timeout beyond the range of the clock.
        let deadline = limits.total.and_then(|total| Instant::now().checked_add(total));
        let first = without_query(request.url());
        let own = request.headers().clone();
        let version = request.version();
        let mut has_left_trust = !self.propagator.is_trusted(request.url());
        for hop in 0..=self.max_redirects {
            // `None` if the body is a stream, which can be sent once only.
            let again = request.try_clone();
            let (method, url) = (request.method().clone(), request.url().clone());
            let mut headers = request.headers().clone();
            let mut span = HttpSpan::start(&Outgoing {
                method: &method,
                url: url.as_str(),
                is_template: false,
                resends: u32::try_from(hop).unwrap_or(u32::MAX),
                deadline,
            });
            if !has_left_trust {
                self.propagator.inject(request.headers_mut(), &own, &url, context, span.span());
            }
            // reqwest's timeout lasts to the end of the body.
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            *request.timeout_mut() = Some(left.unwrap_or(limits.total()));
            let head = limits.within(self.http.execute(request).instrument(span.span().clone())).await;
            match &head {
                Ok(Ok(response)) => span.answered(response.status()),
                Ok(Err(error)) => span.broke(error),
                Err(_) => span.failed("timeout"),
            }
            let answer = head.map_err(|_| OutboundError::timeout(&without_query(&url)))?;
            warn_if_redirected(&url, answer.as_ref());
            let response =
                answer.map_err(|error| OutboundError::from_reqwest(error, &without_query(&url)))?;
            let response = limits.apply(response);
            if self.max_redirects == 0 {
                return Ok(response);
            }
            let Some(next) = redirect(response.status(), response.headers(), &url, &method) else {
                return Ok(response);
            };
            has_left_trust |= next.is_downgrade || !self.propagator.is_trusted(&next.url);
            let has_body = again.as_ref().is_none_or(has_body);
            if next.keeps_body && has_body && next.is_cross_origin && has_left_trust {
                // The body was for the first origin only: the redirect itself is the answer.
                return Ok(response);
            }
            let mut follow = Request::new(next.method.clone(), next.url.clone());
            if next.keeps_body {
                match again {
                    Some(mut again) => *follow.body_mut() = again.body_mut().take(),
                    None => return Ok(response),
                }
            }
            next.filter(&mut headers);
            *follow.headers_mut() = headers;
            *follow.version_mut() = version;
            request = follow;
        }
        let message = format!("{first}: more than {} redirects", self.max_redirects);
        Err(OutboundError::new(OutboundErrorKind::TooManyRedirects, message))
    }
}

impl Limits {
    /// Waits for the head of an answer, at most for the idle timeout.
    pub(super) async fn within<T>(self, head: impl Future<Output = T>) -> Result<T, Elapsed> {
        match self.idle {
            Some(idle) => timeout(idle, head).await,
            None => Ok(head.await),
        }
    }

    /// Applies the idle timeout to the body of an answer.
    pub(super) fn apply(self, response: Response) -> Response {
        match self.idle {
            Some(idle) => with_idle_timeout(response, idle),
            None => response,
        }
    }

    /// Returns the timeout of the call as a whole, for reqwest. One that never ends, too: without any, a client of the caller's
    /// own would apply its own, and cut a stream.
    pub(super) fn total(self) -> Duration {
        self.total.unwrap_or(Duration::MAX)
    }
}

fn has_body(request: &Request) -> bool {
    request.body().is_some_and(|body| body.as_bytes() != Some(b""))
}

impl fmt::Debug for OutboundClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundClient")
            .field("trusted", &self.inner.propagator.trusted)
            .field("timeout", &self.inner.timeout)
            .finish_non_exhaustive()
    }
}
