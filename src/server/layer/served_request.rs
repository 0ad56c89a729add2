//! A served request as it waits for the reporter: cheap handles, which are formatted off the request path.

use std::time::Instant;

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::capture_body::CapturedBody;
use super::path_params::path_params;
use crate::ports::usage::{ApiRecord, Served};
use crate::request::context::{self, RequestContext};
use crate::types::credential::Credential;
use crate::types::error::AuthError;
use crate::types::user::{AccessKeyKind, UserInfo};
use crate::util::header_text::header_text;

/// Names the user that the auth center bills instead of the caller.
const X_MATCH_USERNAME: HeaderName = HeaderName::from_static("x-match-username");

/// Small, since there is one for each request: what was asked lies in the context, what few requests have in a box.
pub(super) struct ServedRequest {
    pub(super) context: RequestContext,
    pub(super) started: Instant,
    /// Subtracted off the request's path: that takes as much as reading the clock.
    pub(super) ended: Instant,
    pub(super) status: Option<StatusCode>,
    /// How many bytes of the response body are left to send, if its length is known.
    pub(super) body_remaining: Option<u64>,
    pub(super) rare: Option<Box<Rare>>,
}

/// What few requests have.
#[derive(Default)]
pub(super) struct Rare {
    /// The credential, until it is verified: most requests are verified from the cache.
    pub(super) credential: Option<Credential>,
    pub(super) match_headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<CapturedBody>,
    pub(super) response_headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) failure: Option<Failure>,
}

/// Why a request failed.
pub(super) enum Failure {
    Rejected(AuthError),
    Message(&'static str),
}

impl Rare {
    /// Returns about how many bytes it keeps in memory.
    fn size(&self) -> usize {
        let headers = [&self.match_headers, &self.response_headers].into_iter().flatten();
        let headers: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
        headers + self.body.as_ref().map_or(0, CapturedBody::len)
    }
}

impl ServedRequest {
    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// Returns the headers for the auth center's billing rules.
pub(super) fn match_headers(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    headers
        .iter()
        .filter(|(name, _)| context::is_match(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Whether there are any. The two that most responses have compare as one byte.
pub(super) fn has_match(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .any(|name| *name != CONTENT_TYPE && *name != CONTENT_LENGTH && context::is_match(name.as_str()))
}

impl Served for ServedRequest {
    fn credential(&self) -> Option<&Credential> {
        self.context.credential().or_else(|| self.rare.as_ref()?.credential.as_ref())
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
        let path = self.context.recorded_head().and_then(|head| head.path.as_ref());
        let path = path.map_or(0, |path| path.as_str().len());
        let credential = self.credential().map_or(0, |credential| credential.as_bytes().len());
        path + credential + self.context.recorded_size() + self.rare.as_ref().map_or(0, |rare| rare.size())
    }

    fn into_record(self: Box<Self>) -> ApiRecord {
        let head = self.context.recorded_head();
        let rare = self.rare.as_deref();
        let (path, query) =
            head.and_then(|head| head.path.as_ref()).map_or(("/", None), |path| (path.path(), path.query()));
        let took = self.ended.duration_since(self.started);
        let mut record = ApiRecord::new("", path).status(self.status()).took(took);
        if let Some(head) = head {
            record = record.of_method(&head.method);
        }
        if let Some(credential) = self.credential() {
            record = record.credential(credential.clone()).of_user(self.context.verified());
        }
        record = match rare.and_then(|rare| rare.failure.as_ref()) {
            None => record,
            Some(Failure::Message(message)) => record.error_message(*message),
            Some(Failure::Rejected(error)) => record.error_message(self.context.refusal_message(error)),
        };
        for (name, value) in self.context.recorded_headers() {
            record = record.known_request_header(name, value);
        }
        if let Some((target, actor)) = self.context.acting_as().zip(self.context.actor()) {
            record = record
                .known_request_header("x-act-as-user-id", target.id.to_string())
                .known_request_header("x-actor-user-id", actor.id().to_string());
        }
        // As looked up, never as the caller has it.
        record = record.of_tenant(self.context.tenant());
        let content_type = head.and_then(|head| head.content_type.as_ref());
        if let Some(content_type) = content_type {
            record = record.known_request_header("content-type", header_text(content_type));
        }
        // A user must not have a call billed to somebody else.
        let is_machine = matches!(
            self.context.actor().and_then(UserInfo::access_key),
            Some(AccessKeyKind::App | AccessKeyKind::Global)
        );
        let is_trusted = |name: &HeaderName| is_machine || *name != X_MATCH_USERNAME;
        let match_headers = rare.map_or(&[][..], |rare| &rare.match_headers);
        for (name, value) in match_headers.iter().filter(|(name, _)| is_trusted(name)) {
            record = record.request_header(name.as_str(), header_text(value));
        }
        if let Some(query) = query {
            record = record.query(query);
        }
        if let Some(template) = head.and_then(|head| head.template.as_ref()) {
            for (name, value) in path_params(template.as_str(), path) {
                record = record.path_param(name, value);
            }
        }
        for (name, value) in rare.map_or(&[][..], |rare| &rare.response_headers) {
            record = record.response_header(name.as_str(), header_text(value));
        }
        match rare.and_then(|rare| rare.body.as_ref()) {
            Some(body) => body.add_to(record, content_type),
            None => record,
        }
    }
}

impl std::fmt::Debug for ServedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServedRequest")
            .field("method", &self.context.recorded_head().map(|head| &head.method))
            .finish_non_exhaustive()
    }
}
