use std::sync::Arc;

use axum::response::Response;

use super::grpc::Grpc;
use super::head::{Head, RequestHead};
use super::reentry;
use super::responder::ErrorResponder;
use super::wording::Wording;
use crate::ports::observer::Watch;
use crate::types::credential::Credential;
use crate::types::credential_seen::CredentialSeen;
use crate::types::error::AuthError;

/// How a layer answers errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusalSettings {
    pub(crate) responder: ErrorResponder,
    pub(crate) wording: Wording,
    pub(crate) watch: Watch,
}

impl RefusalSettings {
    /// Answers an error of this request below the layer, as far as there is one still, what it was verified by, and whether that is
    /// somebody, with an account.
    pub(crate) fn respond<'a>(
        &self,
        error: &AuthError,
        head: impl FnOnce() -> Option<Head<'a>>,
        grpc: Option<Grpc>,
        verified_by: Option<&Credential>,
        is_to_somebody: bool,
    ) -> Response {
        if let Some(wording) = reentry::responding() {
            return wording.envelope(error);
        }
        self.note(error, verified_by);
        self.answer(error, head, grpc, &self.wording.to(is_to_somebody))
    }

    /// Answers an error of this request in the layer, which has verified nobody. Whether a responder is running, and so is not to
    /// be asked again, is looked at only where this layer's could be the one.
    #[inline]
    pub(crate) fn reject<'a>(
        &self,
        error: &AuthError,
        head: impl FnOnce() -> Head<'a>,
        grpc: Option<Grpc>,
        seen: impl FnOnce() -> CredentialSeen,
    ) -> Response {
        if (grpc.is_some() || self.responder.sees_request())
            && let Some(wording) = reentry::responding()
        {
            return wording.envelope(error);
        }
        self.note_rejection(error, seen);
        self.answer(error, || Some(head()), grpc, &self.wording.to(false))
    }

    fn answer<'a>(
        &self,
        error: &AuthError,
        head: impl FnOnce() -> Option<Head<'a>>,
        grpc: Option<Grpc>,
        wording: &Wording,
    ) -> Response {
        match grpc {
            Some(grpc) => grpc.refuse(wording, error),
            None => match self.responder.sees_request().then(head).flatten() {
                Some(head) => self.responder.respond(error, head, wording),
                None => self.responder.respond_unseen(error, wording),
            },
        }
    }

    /// Keeps what the responder wants to see of a request, for errors that come after its handler has taken it.
    #[inline]
    pub(crate) fn capture<B>(&self, request: &http::Request<B>) -> Option<Arc<RequestHead>> {
        self.responder.sees_request().then(|| RequestHead::of(request))
    }
}
