use std::fmt;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

use super::client::OutboundClient;
use super::error::judge;
use super::record::{Metered, place};
use super::redirect::notice;
use crate::context;

/// What an [`OutboundClient`] does, as a middleware of `reqwest-middleware`, to be combined with others such as retries:
/// made by [`OutboundClient::middleware`].
///
/// Redirects are the business of the client below: give it [`OutboundClient::http_client`], which follows none. One that
/// follows them would take the app's secret along to other hosts.
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
    /// The same as a middleware of `reqwest-middleware`.
    pub fn middleware(&self) -> OutboundMiddleware {
        OutboundMiddleware(self.clone())
    }

    /// The client that calls are made with: it follows no redirects, and adds nothing by itself.
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
        let metered = Metered::start(inner.recorder.as_ref(), context.as_ref(), request.method(), &url);
        let own = request.headers().clone();
        inner.carrier.add_to(request.headers_mut(), &own, &url, context.as_ref());
        if request.timeout().is_none() {
            *request.timeout_mut() = Some(inner.timeout);
        }
        let answer = next.run(request, extensions).await;
        match &answer {
            Ok(response) => {
                notice(&url, Ok(response));
                let is_trusted = inner.carrier.trusts(response.url());
                metered.answered(response.status(), response.headers(), is_trusted);
            }
            Err(Error::Reqwest(error)) => {
                notice(&url, Err(error));
                metered.failed(&format!("{}: {}", place(&url), judge(error).1));
            }
            // Its text is anybody's.
            Err(Error::Middleware(_)) => metered.failed(&format!("{}: no answer", place(&url))),
        }
        answer
    }
}

impl fmt::Debug for OutboundMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OutboundMiddleware").field(&self.0).finish()
    }
}
