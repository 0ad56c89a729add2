//! Answer errors as the layer of a request does.

use std::sync::Weak;

use axum::response::Response;

use super::request_context::RequestContext;
use crate::ports::observer::Watch;
#[cfg(feature = "tonic")]
use crate::request::refusals::Wording;
use crate::request::refusals::{Grpc, Head, RefusalSettings, RequestHead};
use crate::types::error::AuthError;

impl RequestContext {
    /// Answers an error as the layer does, about this request or the one that is given.
    pub(super) fn refuse(&self, error: &AuthError, request: Option<(Head<'_>, Option<Grpc>)>) -> Response {
        let kept = self.0.head.as_ref().and_then(Weak::upgrade);
        let head = || request.map(|(head, _)| head).or(kept.as_deref().map(RequestHead::head));
        let grpc = request.map_or(self.0.headers.grpc, |(_, grpc)| grpc);
        match self.settings() {
            Some(settings) => {
                settings.refusals.respond(error, head, grpc, self.credential(), self.is_of_somebody())
            }
            None => RefusalSettings::default().respond(error, head, grpc, None, false),
        }
    }

    #[cfg(feature = "tonic")]
    pub(super) fn note_refusal(&self, error: &AuthError) {
        match self.settings() {
            Some(settings) => settings.refusals.note(error, self.credential()),
            None => RefusalSettings::default().note(error, None),
        }
    }

    /// The observer of the layer.
    pub(crate) fn watch(&self) -> Watch {
        self.settings().map(|settings| settings.refusals.watch.clone()).unwrap_or_default()
    }

    /// How the layer words its refusals to this caller.
    #[cfg(feature = "tonic")]
    pub(super) fn wording(&self) -> Option<Wording> {
        Some(self.settings()?.refusals.wording.to(self.is_of_somebody()).into_owned())
    }

    /// Whether the caller is verified, and has an account: an anonymous one is made by anybody, without an address or a password.
    fn is_of_somebody(&self) -> bool {
        self.verified().is_some_and(|caller| !caller.is_anonymous())
    }
}
