//! The answer as gRPC clients read it: code and message in the head, no body.
//!
//! Anything else they cannot read: of a JSON body, tonic says "invalid compression flag: 123", which is `{`, and others map
//! the HTTP status and lose the message. The form is "Trailers-Only" of the gRPC protocol; clients of gRPC-Web read it, too.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::wording::Wording;
use crate::types::error::AuthError;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_RETRY_PUSHBACK_MS: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The gRPC protocol: printable ASCII stands for itself, but for `%`.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// A gRPC call, by the content type that its caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grpc {
    Native,
    Web,
    WebText,
}

impl Grpc {
    /// Recognizes a call by its content type: `application/grpc`, `application/grpc-web` or `application/grpc-web-text`, with
    /// or without the format of its messages, such as `+proto`.
    fn of(content_type: &HeaderValue) -> Option<Self> {
        const PREFIX: &[u8] = b"application/grpc";
        let (prefix, rest) = content_type.as_bytes().split_at_checked(PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'+' | b';' | b' ')).unwrap_or(rest.len());
        match rest.get(..end)?.to_ascii_lowercase().as_slice() {
            b"" => Some(Self::Native),
            b"-web" => Some(Self::Web),
            b"-web-text" => Some(Self::WebText),
            _ => None,
        }
    }

    /// Recognizes a call: its method is `POST`, as the protocol says. Answered 200, a `GET` that anybody sends with this
    /// content type could fill a cache in front of the service with empty pages.
    #[inline]
    pub(crate) fn of_call(method: &Method, content_type: Option<&HeaderValue>) -> Option<Self> {
        content_type.filter(|_| *method == Method::POST).and_then(Self::of)
    }

    /// Recognizes a call by its request.
    pub(crate) fn of_request<B>(request: &http::Request<B>) -> Option<Self> {
        Self::of_call(request.method(), request.headers().get(CONTENT_TYPE))
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Native => "application/grpc",
            Self::Web => "application/grpc-web",
            Self::WebText => "application/grpc-web-text",
        }
    }

    /// Returns the answer to an error.
    pub(super) fn refuse(self, wording: &Wording, error: &AuthError) -> Response {
        let message = wording.message(error);
        let message = utf8_percent_encode(&message, ENCODED).to_string();
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Refused(error.status()));
        let headers = response.headers_mut();
        *headers = metadata(wording, error);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        headers.insert(GRPC_STATUS, HeaderValue::from(code(error)));
        if let Ok(message) = HeaderValue::try_from(message) {
            headers.insert(GRPC_MESSAGE, message);
        }
        response
    }
}

/// The HTTP status that an error would have had, for usage records: that of a gRPC call is 200 whatever comes of it.
#[derive(Clone, Copy)]
struct Refused(StatusCode);

/// Returns the status of a response as usage records have it.
pub(crate) fn recorded_status<B>(response: &http::Response<B>) -> StatusCode {
    response.extensions().get().map_or(response.status(), |Refused(status)| *status)
}

/// Returns what a client may do about an error: the challenge, and when to retry.
pub(crate) fn metadata(wording: &Wording, error: &AuthError) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(challenge) = wording.challenge.of(error) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(after) = error.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
        // What clients with a retry policy wait for by themselves (gRFC A6).
        headers.insert(GRPC_RETRY_PUSHBACK_MS, HeaderValue::from(after.as_secs() * 1000));
    }
    headers
}

/// Returns the code of an error. Clients retry on `UNAVAILABLE`, and sign in again on `UNAUTHENTICATED`.
pub(crate) fn code(error: &AuthError) -> u16 {
    const INVALID_ARGUMENT: u16 = 3;
    const NOT_FOUND: u16 = 5;
    const PERMISSION_DENIED: u16 = 7;
    const RESOURCE_EXHAUSTED: u16 = 8;
    const INTERNAL: u16 = 13;
    const UNAVAILABLE: u16 = 14;
    const UNAUTHENTICATED: u16 = 16;
    match error.status().as_u16() {
        400 => INVALID_ARGUMENT,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => NOT_FOUND,
        // What gRPC's own implementations say of metadata that are too large.
        429 | 431 => RESOURCE_EXHAUSTED,
        503 => UNAVAILABLE,
        // Of 502 too: the auth center has refused a call, and would again.
        _ => INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::error::{ErrorKind, Language};

    #[test]
    fn content_types() {
        for (content_type, expected) in [
            ("application/grpc", Some(Grpc::Native)),
            ("application/grpc+proto", Some(Grpc::Native)),
            ("application/grpc+json", Some(Grpc::Native)),
            ("Application/GRPC;charset=utf-8", Some(Grpc::Native)),
            ("application/grpc-web", Some(Grpc::Web)),
            ("application/grpc-web+proto", Some(Grpc::Web)),
            ("application/grpc-web-text", Some(Grpc::WebText)),
            ("application/grpc-web-text+proto", Some(Grpc::WebText)),
            ("application/grpcx", None),
            ("application/grpc-websocket", None),
            ("application/json", None),
            ("application/gr", None),
            ("", None),
        ] {
            assert_eq!(Grpc::of(&HeaderValue::from_static(content_type)), expected, "{content_type}");
        }
    }

    #[test]
    fn codes_messages_and_times() {
        let wording = Wording { names_permission: true, ..Wording::default() };
        let chinese = Wording { language: Language::Chinese, ..Wording::default() };
        for (wording, error, code, message, retry_after) in [
            (
                &wording,
                ErrorKind::MissingCredential.into(),
                "16",
                "No bearer credential was sent: send `Authorization: Bearer <token>`",
                None,
            ),
            (
                &wording,
                ErrorKind::InvalidCredential.into(),
                "16",
                "The credential is invalid or has expired",
                None,
            ),
            (&wording, ErrorKind::Expired.into(), "16", "The token has expired", None),
            (&wording, ErrorKind::Denied.into(), "7", "Access is denied", None),
            (
                &wording,
                AuthError::missing_permission("50%\n报"),
                "7",
                "Permission is missing: 50%25%0A%E6%8A%A5",
                None,
            ),
            (&wording, ErrorKind::InvalidRequest.into(), "3", "The request is invalid", None),
            (&wording, ErrorKind::UnknownUser.into(), "5", "There is no such user", None),
            (
                &wording,
                ErrorKind::Unavailable.into(),
                "14",
                "The credential cannot be verified right now",
                Some("1"),
            ),
            (&wording, ErrorKind::Rejected.into(), "13", "The auth center refused the call", None),
            (&wording, ErrorKind::Misconfigured.into(), "13", "The service is misconfigured", None),
            (&wording, ErrorKind::Internal.into(), "13", "Internal error", None),
            (&chinese, ErrorKind::Denied.into(), "7", "%E7%A6%81%E6%AD%A2%E8%AE%BF%E9%97%AE", None),
        ] {
            let error: AuthError = error;
            let response = Grpc::Web.refuse(wording, &error);
            let header =
                |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(response.status(), 200);
            assert_eq!(header("content-type").as_deref(), Some("application/grpc-web"));
            assert_eq!(header("grpc-status").as_deref(), Some(code), "{error:?}");
            assert_eq!(header("grpc-message").as_deref(), Some(message));
            assert_eq!(header("retry-after").as_deref(), retry_after);
            let pushback = retry_after.map(|seconds| format!("{seconds}000"));
            assert_eq!(header("grpc-retry-pushback-ms"), pushback);
            assert_eq!(recorded_status(&response), error.status());
        }
    }
}
