use std::sync::Arc;

use axum::body::HttpBody;
use http::{Request, Response};

use super::decision::AuthConfig;
use super::sources::choice::Choice;
use super::usage::Recording;
use crate::request::refusals::RequestHead;

/// What is left to do with the response of the inner service.
pub(super) struct AtEnd {
    recording: Option<Recording>,
    /// Whether the recording lasts until the end of the body.
    time_body: bool,
    choice: Option<Choice>,
    /// What the context shows to a responder, for as long as the inner service may reject.
    _head: Option<Arc<RequestHead>>,
}

impl AuthConfig {
    /// `None` for most requests.
    #[inline(always)]
    pub(super) fn at_end<B>(
        &self,
        request: &Request<B>,
        recording: Option<Recording>,
        head: Option<Arc<RequestHead>>,
    ) -> Option<AtEnd> {
        let choice = match &self.sources {
            None => None,
            Some(sources) => sources.choice(request),
        };
        match (recording, choice, head) {
            (None, None, None) => None,
            (recording, choice, head) => {
                Some(AtEnd { recording, time_body: self.time_bodies, choice, _head: head })
            }
        }
    }
}

impl AtEnd {
    /// Returns the recording if it goes on until the end of the body.
    pub(super) fn respond<B: HttpBody>(self, response: &mut Response<B>) -> Option<Recording> {
        if let Some(choice) = self.choice {
            choice.apply(response.status(), response.headers_mut());
        }
        self.recording?.respond(response, self.time_body)
    }

    /// Records that the inner service returned an error, and so no response.
    pub(super) fn fail(self) {
        if let Some(recording) = self.recording {
            recording.fail();
        }
    }
}
