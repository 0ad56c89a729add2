use std::fmt;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};
use tracing::Instrument;

use super::client::OutboundClient;
use super::error::{OutboundError, classify};
use super::redirect::warn_if_redirected;
use super::usage::without_query;
use crate::request::context;
use crate::upstream::http_span::{HttpSpan, Outgoing};

/// Adds credentials to calls and records them, as a middleware of `reqwest-middleware` that can be combined with others,
/// such as retries. Created by [`OutboundClient::middleware`].
///
/// Redirects are followed by the HTTP client below it. Use [`OutboundClient::http_client`], which follows none: a client
/// that follows redirects would send the app's secret to other hosts.
///
/// Add it last. Then it is around each attempt of a middleware that retries: each is a usage record, and each has the
/// [`idle_timeout`](super::OutboundClientBuilder::idle_timeout). Before such a middleware, it is around all attempts and the
/// pauses between them: they are one record, and have to get an answer within one idle timeout.
///
/// ```no_run
/// # fn example(outbound: aigc_auth::outbound::OutboundClient) {
/// use reqwest_middleware::ClientBuilder;
///
/// let client = ClientBuilder::new(outbound.http_client()).with(outbound.middleware()).build();
/// # }
/// ```
#[derive(Clone)]
pub struct OutboundMiddleware(OutboundClient);

impl OutboundClient {
    /// Returns a middleware for `reqwest-middleware` that does the same, without redirects.
    pub fn middleware(&self) -> OutboundMiddleware {
        OutboundMiddleware(self.clone())
    }

    /// Returns the HTTP client that calls are made with. It follows no redirects and adds no headers, unless it was given by
    /// [`OutboundClientBuilder::http_client`](super::OutboundClientBuilder::http_client).
    pub fn http_client(&self) -> reqwest::Client {
        self.inner.http.clone()
    }
}

#[async_trait::async_trait]
impl Middleware for OutboundMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let (inner, context) = (&*self.0.inner, context::current());
        let url = request.url().clone();
        let call = inner.recorded(&request, context.as_ref());
        let limits = inner.limits(&request, None);
        let own = request.headers().clone();
        let method = request.method().clone();
        let mut span = HttpSpan::start(&Outgoing {
            method: &method,
            url: url.as_str(),
            is_template: false,
            resends: 0,
            deadline: None,
        });
        inner.propagator.inject(request.headers_mut(), &own, &url, context.as_ref(), span.span());
        *request.timeout_mut() = Some(limits.total());
        let head = limits.within(next.run(request, extensions).instrument(span.span().clone())).await;
        match &head {
            Ok(Err(Error::Middleware(_))) => span.failed("middleware"),
            Ok(Err(Error::Reqwest(error))) => span.broke(error),
            Ok(Ok(response)) => span.answered(response.status()),
            Err(_) => span.failed("timeout"),
        }
        let answer = match head {
            Ok(answer) => answer.map(|response| limits.apply(response)),
            Err(_) => {
                let error = OutboundError::timeout(&without_query(&url));
                call.failed(&error.to_string());
                return Err(Error::middleware(error));
            }
        };
        match &answer {
            Ok(response) => {
                warn_if_redirected(&url, Ok(response));
                let is_trusted = inner.propagator.is_trusted(response.url());
                call.answered(response.status(), response.headers(), is_trusted);
            }
            Err(Error::Reqwest(error)) => {
                warn_if_redirected(&url, Err(error));
                call.failed(&format!("{}: {}", without_query(&url), classify(error).1));
            }
            // Without the error of the other middleware, whose text may show secrets.
            Err(Error::Middleware(_)) => call.failed(&format!("{}: no answer", without_query(&url))),
        }
        answer
    }
}

impl fmt::Debug for OutboundMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OutboundMiddleware").field(&self.0).finish()
    }
}
