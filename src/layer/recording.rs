//! What statistics are told of a request, collected on its way: handles only, written out elsewhere.

use std::mem;
use std::time::Instant;

use axum::extract::MatchedPath;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Response, StatusCode};
use http_body::Body;

use super::captured::CapturedBody;
use super::path_params::path_params;
use crate::context::{self, Request, RequestContext};
use crate::credential::Credential;
use crate::error::AuthError;
use crate::record::{ApiRecord, Served};
use crate::user::{AccessKeyKind, UserInfo};

/// Whom the auth center bills in the place of the caller.
const X_MATCH_USERNAME: HeaderName = HeaderName::from_static("x-match-username");

/// A request that is being served. Whatever becomes of it, it is recorded once: when it is answered, or when this is
/// dropped because the caller hung up or the handler panicked.
#[derive(Debug)]
pub(super) struct Recording(Option<Box<Handles>>);

struct Handles {
    context: RequestContext,
    /// What was sent, as long as nobody has accepted it. Boxed: most requests are accepted at once.
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
    /// How much of the answer's body is still to come, where that was announced.
    to_come: Option<u64>,
    response_headers: Vec<(HeaderName, HeaderValue)>,
    error: Option<What>,
}

/// What went wrong.
enum What {
    Refused(AuthError),
    Said(&'static str),
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
        Self(Some(Box::new(Handles {
            context,
            credential: credential.map(Box::new),
            started,
            ended: started,
            method: method.clone(),
            path: super::decide::original_uri(request.extensions, request.uri).path_and_query().cloned(),
            // Only a template has parameters.
            matched_path: request
                .extensions
                .get::<MatchedPath>()
                .filter(|path| path.as_str().contains('{'))
                .cloned(),
            content_type: request.headers.content_type.cloned(),
            match_headers: if has_match { match_headers(headers) } else { Vec::new() },
            body: request.extensions.get().cloned(),
            status: None,
            to_come: None,
            response_headers: Vec::new(),
            error: None,
        })))
    }

    /// The verdict has come.
    pub(super) fn settle(&mut self, context: &RequestContext) {
        if let Some(handles) = &mut self.0 {
            handles.context = context.clone();
        }
    }

    pub(super) fn refuse(mut self, error: &AuthError, status: StatusCode) {
        if let Some(handles) = &mut self.0 {
            handles.error = Some(What::Refused(error.clone()));
            handles.status = Some(status);
        }
        self.end();
    }

    /// The service itself failed, and there is no answer.
    pub(super) fn fail(mut self) {
        if let Some(handles) = &mut self.0 {
            handles.status = Some(StatusCode::INTERNAL_SERVER_ERROR);
            handles.error = Some(What::Said("the service failed"));
        }
        self.end();
    }

    /// The head of the answer is there. Returns itself if the body's time is to be counted in.
    pub(super) fn answer<B: Body>(mut self, response: &Response<B>, count_body: bool) -> Option<Self> {
        let handles = self.0.as_mut()?;
        handles.status = Some(response.status());
        handles.response_headers = match_headers(response.headers());
        if count_body && may_have_body(&handles.method, response.status()) {
            handles.to_come = announced(response);
            if handles.to_come != Some(0) && !response.body().is_end_stream() {
                return Some(self);
            }
        }
        self.end();
        None
    }

    /// So many bytes of the answer's body have been sent. Whether they were the last: a server asks for no more than was
    /// announced, and drops the body before it can say that it has ended.
    pub(super) fn sent(&mut self, bytes: usize) -> bool {
        let Some(to_come) = self.0.as_mut().and_then(|handles| handles.to_come.as_mut()) else {
            return false;
        };
        *to_come = to_come.saturating_sub(bytes as u64);
        *to_come == 0
    }

    pub(super) fn end_with(mut self, what: &'static str) {
        self.said(what);
        self.end();
    }

    fn said(&mut self, what: &'static str) {
        if let Some(handles) = &mut self.0 {
            handles.error = Some(What::Said(what));
        }
    }

    pub(super) fn end(mut self) {
        self.send();
    }

    fn send(&mut self) {
        let Some(mut handles) = self.0.take() else { return };
        handles.ended = Instant::now();
        // It goes along, so it is held on to here: it is this request's own, where a copy of the recorder would be
        // counted by all threads.
        let context = handles.context.clone();
        if let Some(recorder) = context.recorder() {
            recorder.served(handles);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let Some(handles) = &mut self.0 else { return };
        let (status, what) = if std::thread::panicking() {
            (StatusCode::INTERNAL_SERVER_ERROR, "the handler panicked")
        } else {
            (client_closed_request(), "the caller hung up")
        };
        // An answer that was begun keeps its status.
        handles.status.get_or_insert(status);
        handles.error = Some(What::Said(what));
        self.send();
    }
}

/// 499, as nginx calls it.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

/// RFC 9110 section 6.4.1. Where not, servers drop what there is unread.
fn may_have_body(method: &Method, status: StatusCode) -> bool {
    let tunnel = *method == Method::CONNECT && status.is_success();
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    *method != Method::HEAD && !tunnel && !bodiless && !status.is_informational()
}

/// How long the body is, as the server will announce it.
fn announced<B: Body>(response: &Response<B>) -> Option<u64> {
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

impl Served for Handles {
    fn credential(&self) -> Option<&Credential> {
        self.context.credential().or(self.credential.as_deref())
    }

    fn is_verified(&self) -> bool {
        self.context.actor().is_some()
    }

    fn status(&self) -> u16 {
        self.status.map_or(0, |status| status.as_u16())
    }

    fn into_record(mut self: Box<Self>) -> ApiRecord {
        let (path, query) = self.path.as_ref().map_or(("/", None), |path| (path.path(), path.query()));
        let took = self.ended.duration_since(self.started);
        let mut record = ApiRecord::new(self.method.as_str(), path).status(self.status()).took(took);
        if let Some(credential) = self.credential() {
            record = record.credential(credential.clone());
        }
        record = match &self.error {
            None => record,
            Some(What::Said(what)) => record.error_message(*what),
            Some(What::Refused(error)) => record.error_message(self.context.refusal_message(error)),
        };
        for (name, value) in self.context.recorded_headers() {
            record = record.request_header(name, value);
        }
        if let Some((target, actor)) = self.context.acting_as().zip(self.context.actor()) {
            record = record
                .request_header("x-act-as-user-id", target.id.to_string())
                .request_header("x-actor-user-id", actor.id.to_string());
        }
        if let Some(content_type) = &self.content_type {
            record = record.request_header("content-type", text(content_type));
        }
        // A user's own word does not make somebody else pay for his call.
        let is_machine = matches!(
            self.context.actor().and_then(UserInfo::access_key),
            Some(AccessKeyKind::App | AccessKeyKind::Global)
        );
        let believed = |name: &HeaderName| is_machine || *name != X_MATCH_USERNAME;
        for (name, value) in self.match_headers.iter().filter(|(name, _)| believed(name)) {
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

impl std::fmt::Debug for Handles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handles").field("method", &self.method).finish_non_exhaustive()
    }
}
