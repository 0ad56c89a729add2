use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use reqwest::{IntoUrl, Request, Response};
use tokio::time::Instant;

use super::builder::OutboundBuilder;
use super::carry::Carrier;
use super::error::{OutboundError, OutboundErrorKind};
use super::record::{Metered, place};
use super::redirect::{notice, redirect};
use super::request::OutboundRequest;
use crate::client::AuthClient;
use crate::context::{self, Recorder, RequestContext};

/// Calls other services on behalf of the user of the current request.
///
/// To the origins that were [named](OutboundBuilder::trust_origin), a call carries `X-App-ID`, `X-App-Secret`, the user's
/// `Authorization`, `x-real-ip`, `User-Agent`, `X-Trace-ID` and `traceparent`; to all others it goes out bare. Headers of
/// the caller's own win.
///
/// Redirects are followed, up to 10, and each hop is looked at anew. To another origin, none of the caller's headers comes
/// along but harmless ones such as `Accept`, and a body only among trusted origins. After a hop to an origin that is not
/// trusted, or from `https` to `http`, nothing is added any more, also where the next one is trusted again: who is not trusted
/// does not choose what is asked in the user's name.
///
/// Calls are recorded in the [usage statistics given](OutboundBuilder::stats), or else in those of the current request. A call
/// with its redirects is one record; the prices of its answer (`X-Match-…`) count if they come from a trusted origin.
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
    pub(super) carrier: Carrier,
    pub(super) recorder: Option<Recorder>,
    pub(super) timeout: Duration,
    pub(super) max_redirects: usize,
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $method:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(&self, url: impl IntoUrl) -> OutboundRequest {
            self.request(Method::$method, url)
        }
    )+};
}

impl OutboundClient {
    /// Starts a client for calls of this app.
    pub fn builder(client: &AuthClient) -> OutboundBuilder {
        OutboundBuilder::new(client)
    }

    methods! {
        /// Starts a `GET`.
        get = GET,
        /// Starts a `POST`.
        post = POST,
        /// Starts a `PUT`.
        put = PUT,
        /// Starts a `PATCH`.
        patch = PATCH,
        /// Starts a `DELETE`.
        delete = DELETE,
        /// Starts a `HEAD`.
        head = HEAD,
    }

    /// Starts a call of any method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> OutboundRequest {
        OutboundRequest::new(self.clone(), self.inner.http.request(method, url))
    }

    /// Makes a call that was built elsewhere.
    ///
    /// # Errors
    /// If there is no answer. Answers of any status are answers.
    pub async fn execute(&self, request: Request) -> Result<Response, OutboundError> {
        let context = context::current();
        let inner = &*self.inner;
        let metered =
            Metered::start(inner.recorder.as_ref(), context.as_ref(), request.method(), request.url());
        let answer = inner.follow(request, context.as_ref()).await;
        match &answer {
            Ok(response) => {
                let is_trusted = inner.carrier.trusts(response.url());
                metered.answered(response.status(), response.headers(), is_trusted);
            }
            Err(error) => metered.failed(&error.to_string()),
        }
        answer
    }
}

impl Inner {
    async fn follow(
        &self,
        mut request: Request,
        context: Option<&RequestContext>,
    ) -> Result<Response, OutboundError> {
        let timeout = request.timeout().copied().unwrap_or(self.timeout);
        // `None` is later than the clock can tell.
        let deadline = Instant::now().checked_add(timeout);
        let first = place(request.url());
        let own = request.headers().clone();
        let version = request.version();
        let mut strayed = !self.carrier.trusts(request.url());
        for _ in 0..=self.max_redirects {
            // A body that is a stream can be sent once.
            let again = request.try_clone();
            let (method, url) = (request.method().clone(), request.url().clone());
            let mut headers = request.headers().clone();
            if !strayed {
                self.carrier.add_to(request.headers_mut(), &own, &url, context);
            }
            // To the end of the body.
            let left =
                deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            *request.timeout_mut() = Some(left);
            let answer = self.http.execute(request).await;
            notice(&url, answer.as_ref());
            let response = answer.map_err(|error| OutboundError::of(error, &place(&url)))?;
            if self.max_redirects == 0 {
                return Ok(response);
            }
            let Some(next) = redirect(response.status(), response.headers(), &url, &method) else {
                return Ok(response);
            };
            strayed |= next.is_downgrade || !self.carrier.trusts(&next.url);
            let has_body = again.as_ref().is_none_or(has_body);
            if next.keeps_body && has_body && next.is_to_another_origin && strayed {
                // What was said to one is not for another to hear.
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
        let what = format!("{first}: more than {} redirects", self.max_redirects);
        Err(OutboundError::new(OutboundErrorKind::TooManyRedirects, what))
    }
}

fn has_body(request: &Request) -> bool {
    request.body().is_some_and(|body| body.as_bytes() != Some(b""))
}

impl fmt::Debug for OutboundClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundClient")
            .field("trusted", &self.inner.carrier.trusted)
            .field("timeout", &self.inner.timeout)
            .finish_non_exhaustive()
    }
}
