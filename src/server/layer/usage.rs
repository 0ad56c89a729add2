//! Collect what a usage record needs: cheap handles, which are formatted off the request path.

use std::mem;
use std::time::Instant;

use axum::extract::MatchedPath;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Response, StatusCode};
use http_body::Body;

use super::capture_body::CapturedBody;
use super::path_params::path_params;
use crate::ports::usage::{ApiRecord, Served};
use crate::request::context::{self, Request, RequestContext};
use crate::request::original_uri::original_uri;
use crate::request::refusals::recorded_status;
use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{AccessKeyKind, UserInfo};

/// Names the user that the auth center bills instead of the caller.
const X_MATCH_USERNAME: HeaderName = HeaderName::from_static("x-match-username");

/// A request in flight. It is recorded exactly once: when it is answered, or when this is dropped because the client
/// closed the request or the handler panicked.
#[derive(Debug)]
pub(super) struct Recording(Option<Box<ServedRequest>>);

struct ServedRequest {
    context: RequestContext,
    /// The credential, until it is verified. Boxed: most requests are verified from the cache.
    credential: Option<Box<Credential>>,
    started: Instant,
    ended: Instant,
    method: Method,
    path: Option<PathAndQuery>,
    matched_path: Option<MatchedPath>,
    content_type: Option<HeaderValue>,
    match_headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<CapturedBody>,
    status: Option<StatusCode>,
    /// How many bytes of the response body are left to send, if its length is known.
    body_remaining: Option<u64>,
    response_headers: Vec<(HeaderName, HeaderValue)>,
    failure: Option<Failure>,
}

/// Why a request failed.
enum Failure {
    Rejected(AuthError),
    Message(&'static str),
}

impl Recording {
    pub(super) fn start(
        started: Instant,
        method: &Method,
        headers: &HeaderMap,
        request: Request<'_>,
        context: RequestContext,
        credential: Option<Credential>,
    ) -> Self {
        let has_match = request.headers.has_match;
        Self(Some(Box::new(ServedRequest {
            context,
            credential: credential.map(Box::new),
            started,
            ended: started,
            method: method.clone(),
            path: original_uri(request.extensions, request.uri).path_and_query().cloned(),
            // A matched path without `{` has no parameters.
            matched_path: request
                .extensions
                .get::<MatchedPath>()
                .filter(|path| path.as_str().contains('{'))
                .cloned(),
            content_type: request.headers.content_type.cloned(),
            match_headers: if has_match { match_headers(headers) } else { Vec::new() },
            body: request.extensions.get().cloned(),
            status: None,
            body_remaining: None,
            response_headers: Vec::new(),
            failure: None,
        })))
    }

    /// Discards the recording if the auth center has no user for the credential: it would reject the record like the
    /// request, and callers could make any number of such records.
    pub(super) fn unless_invalid(mut self, error: &AuthError) -> Option<Self> {
        if matches!(error.kind(), ErrorKind::InvalidCredential | ErrorKind::Expired) {
            self.0 = None;
            return None;
        }
        Some(self)
    }

    /// Sets the context after the verification.
    pub(super) fn set_context(&mut self, context: &RequestContext) {
        if let Some(served) = &mut self.0 {
            served.context = context.clone();
        }
    }

    pub(super) fn reject(mut self, error: &AuthError, status: StatusCode) {
        if let Some(served) = &mut self.0 {
            served.failure = Some(Failure::Rejected(error.clone()));
            served.status = Some(status);
        }
        self.finish();
    }

    /// Records that the inner service returned an error, and so no response.
    pub(super) fn fail(mut self) {
        if let Some(served) = &mut self.0 {
            served.status = Some(StatusCode::INTERNAL_SERVER_ERROR);
            served.failure = Some(Failure::Message("inner service failed"));
        }
        self.finish();
    }

    /// Records the head of the response. Returns the recording if it goes on until the end of the body.
    pub(super) fn respond<B: Body>(mut self, response: &Response<B>, time_body: bool) -> Option<Self> {
        let served = self.0.as_mut()?;
        served.status = Some(recorded_status(response));
        served.response_headers = match_headers(response.headers());
        if time_body && may_have_body(&served.method, response.status()) {
            served.body_remaining = body_length(response);
            if served.body_remaining != Some(0) && !response.body().is_end_stream() {
                return Some(self);
            }
        }
        self.finish();
        None
    }

    /// Adds bytes of the response body that were sent. Returns whether they were the last: a server polls for no more
    /// than the body's known length, and drops the body before it can report its end.
    pub(super) fn add_sent(&mut self, bytes: usize) -> bool {
        let Some(remaining) = self.0.as_mut().and_then(|served| served.body_remaining.as_mut()) else {
            return false;
        };
        *remaining = remaining.saturating_sub(bytes as u64);
        *remaining == 0
    }

    pub(super) fn finish_with_error(mut self, message: &'static str) {
        if let Some(served) = &mut self.0 {
            served.failure = Some(Failure::Message(message));
        }
        self.finish();
    }

    pub(super) fn finish(mut self) {
        self.send();
    }

    fn send(&mut self) {
        let Some(mut served) = self.0.take() else { return };
        served.ended = Instant::now();
        // The recorder takes `served`, and its context with it, so the recorder is borrowed from a clone of the context.
        // Cloning the recorder instead would contend for its reference count, which all threads share.
        let context = served.context.clone();
        if let Some(recorder) = context.recorder() {
            recorder.served(served);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let Some(served) = &mut self.0 else { return };
        let (status, message) = if std::thread::panicking() {
            (StatusCode::INTERNAL_SERVER_ERROR, "handler panicked")
        } else {
            (client_closed_request(), "client closed the request")
        };
        // A response whose head was sent keeps its status.
        served.status.get_or_insert(status);
        served.failure = Some(Failure::Message(message));
        self.send();
    }
}

/// Returns 499, the status that nginx logs for a closed request.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

/// Returns whether the response may have a body (RFC 9110 section 6.4.1). If not, servers drop it unread.
fn may_have_body(method: &Method, status: StatusCode) -> bool {
    let tunnel = *method == Method::CONNECT && status.is_success();
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    *method != Method::HEAD && !tunnel && !bodiless && !status.is_informational()
}

/// Returns the length of the body as the server sends it in `Content-Length`.
fn body_length<B: Body>(response: &Response<B>) -> Option<u64> {
    match response.headers().get(CONTENT_LENGTH) {
        Some(length) => length.to_str().ok()?.parse().ok(),
        None => response.body().size_hint().exact(),
    }
}

fn match_headers(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    headers
        .iter()
        .filter(|(name, _)| context::is_match(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl Served for ServedRequest {
    fn credential(&self) -> Option<&Credential> {
        self.context.credential().or(self.credential.as_deref())
    }

    fn is_verified(&self) -> bool {
        self.context.verified().is_some()
    }

    fn is_of_service(&self) -> bool {
        self.context.verified().is_some_and(UserInfo::is_service)
    }

    fn status(&self) -> u16 {
        self.status.map_or(0, |status| status.as_u16())
    }

    fn size_hint(&self) -> usize {
        let headers = [&self.match_headers, &self.response_headers].into_iter().flatten();
        let headers: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
        let path = self.path.as_ref().map_or(0, |path| path.as_str().len());
        let credential = self.credential().map_or(0, |credential| credential.as_str().len());
        let body = self.body.as_ref().map_or(0, CapturedBody::len);
        path + credential + self.context.recorded_size() + headers + body
    }

    fn into_record(mut self: Box<Self>) -> ApiRecord {
        let (path, query) = self.path.as_ref().map_or(("/", None), |path| (path.path(), path.query()));
        let took = self.ended.duration_since(self.started);
        let mut record = ApiRecord::new(self.method.as_str(), path).status(self.status()).took(took);
        if let Some(credential) = self.credential() {
            record = record.credential(credential.clone()).of_user(self.context.verified());
        }
        record = match &self.failure {
            None => record,
            Some(Failure::Message(message)) => record.error_message(*message),
            Some(Failure::Rejected(error)) => record.error_message(self.context.refusal_message(error)),
        };
        for (name, value) in self.context.recorded_headers() {
            record = record.request_header(name, value);
        }
        if let Some((target, actor)) = self.context.acting_as().zip(self.context.actor()) {
            record = record
                .request_header("x-act-as-user-id", target.id.to_string())
                .request_header("x-actor-user-id", actor.id().to_string());
        }
        // As looked up, never as the caller has it.
        record = record.of_tenant(self.context.tenant());
        if let Some(content_type) = &self.content_type {
            record = record.request_header("content-type", text(content_type));
        }
        // A user must not have a call billed to somebody else.
        let is_machine = matches!(
            self.context.actor().and_then(UserInfo::access_key),
            Some(AccessKeyKind::App | AccessKeyKind::Global)
        );
        let is_trusted = |name: &HeaderName| is_machine || *name != X_MATCH_USERNAME;
        for (name, value) in self.match_headers.iter().filter(|(name, _)| is_trusted(name)) {
            record = record.request_header(name.as_str(), text(value));
        }
        if let Some(query) = query {
            record = record.query(query);
        }
        if let Some(template) = &self.matched_path {
            for (name, value) in path_params(template.as_str(), path) {
                record = record.path_param(name, value);
            }
        }
        for (name, value) in &self.response_headers {
            record = record.response_header(name.as_str(), text(value));
        }
        match mem::take(&mut self.body) {
            Some(body) => body.add_to(record, self.content_type.as_ref()),
            None => record,
        }
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

impl std::fmt::Debug for ServedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServedRequest").field("method", &self.method).finish_non_exhaustive()
    }
}
