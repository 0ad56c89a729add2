use std::fmt;
use std::time::Duration;

use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::Form;
use reqwest::{Body, IntoUrl, RequestBuilder, Response};
use serde::Serialize;

use super::client::OutboundClient;
use super::error::OutboundError;

/// Builds a request. Created by the methods of [`OutboundClient`], such as [`get`](OutboundClient::get).
#[must_use = "a request is sent by `send`"]
pub struct OutboundRequest {
    client: OutboundClient,
    request: RequestBuilder,
    idle_timeout: Option<Duration>,
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
    methods! {
        /// Starts a `GET` request.
        get = GET,
        /// Starts a `POST` request.
        post = POST,
        /// Starts a `PUT` request.
        put = PUT,
        /// Starts a `PATCH` request.
        patch = PATCH,
        /// Starts a `DELETE` request.
        delete = DELETE,
        /// Starts a `HEAD` request.
        head = HEAD,
    }

    /// Starts a request with any method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> OutboundRequest {
        let request = self.inner.http.request(method, url);
        OutboundRequest { client: self.clone(), request, idle_timeout: None }
    }
}

impl OutboundRequest {
    fn map(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { request: change(self.request), ..self }
    }

    /// Adds a header. It takes precedence over the one that the client would add.
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        HeaderName: TryFrom<N>,
        <HeaderName as TryFrom<N>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|request| request.header(name, value))
    }

    /// Adds headers.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|request| request.headers(headers))
    }

    /// Sets `Authorization` to this bearer token, instead of the current user's.
    pub fn bearer_auth(self, token: impl fmt::Display) -> Self {
        self.map(|request| request.bearer_auth(token))
    }

    /// Adds parameters to the query.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.map(|request| request.query(query))
    }

    /// Sets the body to JSON.
    pub fn json<T: Serialize + ?Sized>(self, json: &T) -> Self {
        self.map(|request| request.json(json))
    }

    /// Sets the body to a form.
    pub fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        self.map(|request| request.form(form))
    }

    /// Sets the body to a form with files.
    pub fn multipart(self, form: Form) -> Self {
        self.map(|request| request.multipart(form))
    }

    /// Sets the body: text, bytes, or a stream by [`Body::wrap_stream`]. A stream can be sent once only, and so follows no
    /// redirect.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.map(|request| request.body(body))
    }

    /// Sets the timeout of the call, redirects and the answer's body included. Defaults to the client's.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|request| request.timeout(timeout))
    }

    /// Sets how long the answer may pause, for streams such as server-sent events: until its head, and from each part of its
    /// body to the next. The call as a whole then has no timeout, unless [`timeout`](Self::timeout) sets one. Defaults to the
    /// client's [`idle_timeout`](super::OutboundClientBuilder::idle_timeout).
    ///
    /// A body that pauses for too long ends with an error whose `is_timeout` is true.
    ///
    /// ```no_run
    /// # async fn example(outbound: aigc_auth::outbound::OutboundClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = outbound.get("https://chat.internal/events").idle_timeout(std::time::Duration::from_secs(60));
    /// let mut events = request.send().await?;
    /// while let Some(part) = events.chunk().await? {
    ///     println!("{}", String::from_utf8_lossy(&part));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn idle_timeout(self, timeout: Duration) -> Self {
        Self { idle_timeout: Some(timeout), ..self }
    }

    /// Sends the request.
    ///
    /// # Errors
    /// If the request cannot be built, or there is no answer. Answers of any status are answers.
    pub async fn send(self) -> Result<Response, OutboundError> {
        let request = self.request.build().map_err(|error| OutboundError::from_reqwest(error, "a call"))?;
        let limits = self.client.inner.limits(&request, self.idle_timeout);
        self.client.execute_within(request, limits).await
    }
}

impl fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundRequest").finish_non_exhaustive()
    }
}
