use std::fmt;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::Form;
use reqwest::{Body, RequestBuilder, Response};
use serde::Serialize;

use super::client::OutboundClient;
use super::error::OutboundError;

/// A call that is being built; made by the methods of [`OutboundClient`].
#[must_use = "nothing is sent before `send`"]
pub struct OutboundRequest {
    client: OutboundClient,
    request: RequestBuilder,
}

impl OutboundRequest {
    pub(super) fn new(client: OutboundClient, request: RequestBuilder) -> Self {
        Self { client, request }
    }

    fn map(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { client: self.client, request: change(self.request) }
    }

    /// Adds a header. It goes before what the client would send under that name.
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

    /// Sets the `Authorization` to a token of the caller's own.
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

    /// Sets the body: text, bytes, or a stream by [`Body::wrap_stream`]. A stream is sent once, and not to where a redirect
    /// leads.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.map(|request| request.body(body))
    }

    /// Sets how long the call may take, redirects and the answer's body included. Defaults to the client's.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|request| request.timeout(timeout))
    }

    /// Makes the call.
    ///
    /// # Errors
    /// If the request cannot be built, or there is no answer. Answers of any status are answers.
    pub async fn send(self) -> Result<Response, OutboundError> {
        let request = self.request.build().map_err(|error| OutboundError::of(error, "a call"))?;
        self.client.execute(request).await
    }
}

impl fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundRequest").finish_non_exhaustive()
    }
}
