//! Choose the protocol of a WebSocket whose protocols had the credential.

use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use http::{StatusCode, Version};

use super::removed::Removed;
use super::search::Sources;
use super::subprotocol::NAME;

/// That `bearer` is to be chosen in the response to a handshake.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    is_upgrade: bool,
}

impl Sources {
    /// `None` unless the protocols of the request had a credential.
    pub(crate) fn choice<B>(&self, request: &http::Request<B>) -> Option<Choice> {
        let is_offered =
            self.protocol && request.extensions().get::<Removed>().is_some_and(Removed::has_protocol);
        is_offered.then(|| Choice { is_upgrade: request.version() < Version::HTTP_2 })
    }
}

impl Choice {
    /// Chooses `bearer` if the handler opens the WebSocket and chose no protocol. Browsers that offered some fail the
    /// connection otherwise.
    pub(crate) fn apply(self, status: StatusCode, headers: &mut HeaderMap) {
        let is_open =
            if self.is_upgrade { status == StatusCode::SWITCHING_PROTOCOLS } else { status.is_success() };
        if is_open && !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(NAME));
        }
    }
}
