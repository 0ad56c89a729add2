//! Record a request from its start to its end.

use std::time::Instant;

use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{Method, Response, StatusCode};
use http_body::Body;

use super::capture_body::CapturedBody;
use super::served_request::{Failure, ServedRequest, has_match, match_headers};
use crate::request::context::{Request, RequestContext};
use crate::request::refusals::recorded_status;
use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};

/// A request in flight. It is recorded exactly once: when it is answered, or when this is dropped because the client
/// closed the request or the handler panicked.
#[derive(Debug)]
pub(super) struct Recording(Option<Box<ServedRequest>>);

impl Recording {
    /// Starts the recording of a request whose context keeps the [head](RequestContext::recorded_head).
    pub(super) fn start(
        started: Instant,
        headers: &HeaderMap,
        request: Request<'_>,
        context: RequestContext,
        credential: Option<Credential>,
    ) -> Self {
        let mut served = Box::new(ServedRequest {
            context,
            started,
            ended: started,
            status: None,
            body_remaining: None,
            rare: None,
        });
        if let Some(credential) = credential {
            served.rare_mut().credential = Some(credential);
        }
        if request.headers.has_match {
            served.rare_mut().match_headers = match_headers(headers);
        }
        // Bodies without a content type are not captured.
        if request.headers.content_type.is_some()
            && let Some(body) = request.extensions.get::<CapturedBody>()
        {
            served.rare_mut().body = Some(body.clone());
        }
        Self(Some(served))
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
            served.rare_mut().failure = Some(Failure::Rejected(error.clone()));
            served.status = Some(status);
        }
        self.finish();
    }

    /// Records that the inner service returned an error, and so no response.
    pub(super) fn fail(mut self) {
        if let Some(served) = &mut self.0 {
            served.status = Some(StatusCode::INTERNAL_SERVER_ERROR);
            served.rare_mut().failure = Some(Failure::Message("inner service failed"));
        }
        self.finish();
    }

    /// Records the head of the response. Returns the recording if it goes on until the end of the body.
    pub(super) fn respond<B: Body>(mut self, response: &Response<B>, time_body: bool) -> Option<Self> {
        let served = self.0.as_mut()?;
        served.status = Some(recorded_status(response));
        if has_match(response.headers()) {
            served.rare_mut().response_headers = match_headers(response.headers());
        }
        if time_body && may_have_body(&served.context, response.status()) {
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
            served.rare_mut().failure = Some(Failure::Message(message));
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
        served.rare_mut().failure = Some(Failure::Message(message));
        self.send();
    }
}

/// Returns 499, the status that nginx logs for a closed request.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

/// Returns whether the response may have a body (RFC 9110 section 6.4.1). If not, servers drop it unread.
fn may_have_body(context: &RequestContext, status: StatusCode) -> bool {
    let method = context.recorded_head().map(|head| &head.method);
    let tunnel = method == Some(&Method::CONNECT) && status.is_success();
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    method != Some(&Method::HEAD) && !tunnel && !bodiless && !status.is_informational()
}

/// Returns the length of the body as the server sends it in `Content-Length`.
fn body_length<B: Body>(response: &Response<B>) -> Option<u64> {
    match response.headers().get(CONTENT_LENGTH) {
        Some(length) => length.to_str().ok()?.parse().ok(),
        None => response.body().size_hint().exact(),
    }
}
