//! A place where credentials stand, in the terms of OpenAPI.

use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::Response;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};

use super::source::{CredentialSource, Kind, Requests};
use crate::request::openapi;

/// A security scheme, under the name that documents refer to.
pub(crate) struct Scheme {
    pub(crate) name: String,
    pub(crate) scheme: SecurityScheme,
    /// Whether it is read only of requests whose headers a browser's script cannot set.
    is_without_headers: bool,
}

impl Scheme {
    pub(crate) fn bearer() -> Self {
        Self { name: openapi::BEARER.to_owned(), scheme: openapi::bearer(), is_without_headers: false }
    }

    fn key(place: &str, name: &str, key: fn(ApiKeyValue) -> ApiKey, description: &str) -> Self {
        // What a component may be called.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        let key = key(ApiKeyValue::with_description(name, description));
        Self {
            name: format!("{place}-{plain}"),
            scheme: SecurityScheme::ApiKey(key),
            is_without_headers: false,
        }
    }

    fn without_headers(mut self) -> Self {
        self.is_without_headers = true;
        self
    }

    /// Whether a credential may stand there in requests for this operation. Those whose headers a browser's script cannot set
    /// are answered by 101 or by an event stream.
    pub(crate) fn is_read_of(&self, operation: &Operation) -> bool {
        let is_stream = |response: &RefOr<Response>| match response {
            RefOr::T(response) => response.content.keys().any(|media| media.starts_with("text/event-stream")),
            RefOr::Ref(_) => false,
        };
        let responses = &operation.responses.responses;
        !self.is_without_headers || responses.contains_key("101") || responses.values().any(is_stream)
    }
}

impl CredentialSource {
    pub(crate) fn scheme(&self) -> Scheme {
        match &self.0 {
            Kind::Authorization => Scheme::bearer(),
            Kind::WebSocketProtocol => {
                let description =
                    "Two protocols of a WebSocket: `bearer`, and the credential, percent-encoded.";
                Scheme::key("protocol", "Sec-WebSocket-Protocol", ApiKey::Header, description)
                    .without_headers()
            }
            Kind::Cookie(name, _) => Scheme::key(
                "cookie",
                name,
                ApiKey::Cookie,
                "A user's token or an access key, from pages of this service.",
            ),
            Kind::Header(name) => {
                Scheme::key("header", name.as_str(), ApiKey::Header, "A user's token or an access key.")
            }
            Kind::Query(name, requests) => {
                let scheme = |description| Scheme::key("query", name, ApiKey::Query, description);
                match requests {
                    Requests::All => scheme("A user's token or an access key."),
                    Requests::WithoutHeaders => {
                        scheme("A user's token or an access key, of WebSockets and event streams.")
                            .without_headers()
                    }
                }
            }
        }
    }
}
