use std::sync::Arc;

use axum::response::Response;

use super::grpc::Grpc;
use super::head::{Head, RequestHead};
use super::reentry;
use super::responder::ErrorResponder;
use super::wording::Wording;
use crate::types::error::{AuthError, ErrorKind};

/// How a layer answers errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusalSettings {
    pub(crate) responder: ErrorResponder,
    pub(crate) wording: Wording,
}

impl RefusalSettings {
    /// Answers an error of this request, as far as there is one still.
    pub(crate) fn respond<'a>(
        &self,
        error: &AuthError,
        head: impl FnOnce() -> Option<Head<'a>>,
        grpc: Option<Grpc>,
    ) -> Response {
        if let Some(wording) = reentry::responding() {
            return wording.envelope(error);
        }
        log(error);
        match grpc {
            Some(grpc) => grpc.refuse(&self.wording, error),
            None if self.responder.sees_request() => self.responder.respond(error, head(), &self.wording),
            None => self.responder.respond(error, None, &self.wording),
        }
    }

    /// Answers an error of this request in the layer. Whether a responder is running, and so is not to be asked again, is looked
    /// at only where this layer's could be the one.
    #[inline]
    pub(crate) fn reject<'a>(
        &self,
        error: &AuthError,
        head: impl FnOnce() -> Head<'a>,
        grpc: Option<Grpc>,
    ) -> Response {
        if grpc.is_some() || self.responder.sees_request() {
            return self.respond(error, || Some(head()), grpc);
        }
        log(error);
        self.responder.respond(error, None, &self.wording)
    }

    /// Keeps what the responder wants to see of a request, for errors that come after its handler has taken it.
    #[inline]
    pub(crate) fn capture<B>(&self, request: &http::Request<B>) -> Option<Arc<RequestHead>> {
        self.responder.sees_request().then(|| RequestHead::of(request))
    }
}

/// Logs a refusal.
pub(crate) fn log(error: &AuthError) {
    match error.kind() {
        ErrorKind::Misconfigured | ErrorKind::Internal => tracing::error!(%error, "request refused"),
        // The verifier warns about outages itself, and not once a request.
        _ => tracing::debug!(%error, "request refused"),
    }
}
