//! Turn an error into an HTTP response.

use std::fmt;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::types::envelope::Envelope;
use crate::types::error::{AuthError, ErrorKind, Language};

/// Renders errors: the JSON envelope by default, or a function of the service.
#[derive(Clone)]
pub(crate) enum Responder {
    Envelope(Language),
    Custom(Arc<Respond>),
}

type Respond = dyn Fn(&AuthError) -> Response<Bytes> + Send + Sync;

impl Default for Responder {
    fn default() -> Self {
        Self::Envelope(Language::default())
    }
}

impl Responder {
    pub(crate) fn language(&self) -> Language {
        match self {
            Self::Envelope(language) => *language,
            Self::Custom(_) => Language::default(),
        }
    }

    pub(crate) fn respond(&self, error: &AuthError) -> Response<Bytes> {
        log(error);
        match self {
            Self::Envelope(language) => envelope(error, *language),
            Self::Custom(respond) => respond(error),
        }
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(language) => f.debug_tuple("Envelope").field(language).finish(),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

fn log(error: &AuthError) {
    match error.kind() {
        ErrorKind::Misconfigured | ErrorKind::Internal => tracing::error!(%error, "request refused"),
        ErrorKind::MissingCredential => {}
        // The verifier warns about outages itself, and not once a request.
        _ => tracing::debug!(%error, "request refused"),
    }
}

fn envelope(error: &AuthError, language: Language) -> Response<Bytes> {
    let mut response = Response::new(body(error, language));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(challenge) = challenge(error) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(after) = error.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    response
}

/// The bodies of the answer that unauthenticated callers can cause at will, serialized once for each language.
static MISSING_CREDENTIAL_BODIES: LazyLock<[Bytes; 2]> = LazyLock::new(|| {
    let error = ErrorKind::MissingCredential.into();
    [Language::English, Language::Chinese].map(|language| json(&error, language))
});

fn body(error: &AuthError, language: Language) -> Bytes {
    let [english, chinese] = &*MISSING_CREDENTIAL_BODIES;
    match (error.kind(), language) {
        (ErrorKind::MissingCredential, Language::English) => english.clone(),
        (ErrorKind::MissingCredential, Language::Chinese) => chinese.clone(),
        _ => json(error, language),
    }
}

fn json(error: &AuthError, language: Language) -> Bytes {
    // The auth center's own code is about a call of this service: a 401 of it does not log the caller out.
    let code = match error.kind() {
        ErrorKind::Rejected | ErrorKind::UnknownUser => i64::from(error.status().as_u16()),
        _ => error.code(),
    };
    let envelope = Envelope::<()>::failure(code, error.message(language));
    serde_json::to_vec(&envelope).unwrap_or_default().into()
}

/// RFC 6750 section 3: no error code when no credential was sent, and no challenge when the caller is not at fault.
fn challenge(error: &AuthError) -> Option<HeaderValue> {
    match error.kind() {
        ErrorKind::MissingCredential => Some(HeaderValue::from_static("Bearer")),
        ErrorKind::InvalidCredential => Some(HeaderValue::from_static(r#"Bearer error="invalid_token""#)),
        // Section 3 has this very example.
        ErrorKind::Expired => Some(HeaderValue::from_static(
            r#"Bearer error="invalid_token", error_description="The access token expired""#,
        )),
        ErrorKind::MissingPermission => {
            let scoped = error.needed().filter(|needed| is_scope(needed)).and_then(|needed| {
                HeaderValue::try_from(format!(r#"Bearer error="insufficient_scope", scope="{needed}""#)).ok()
            });
            Some(scoped.unwrap_or(HeaderValue::from_static(r#"Bearer error="insufficient_scope""#)))
        }
        _ => None,
    }
}

/// RFC 6749 section 3.3: one scope token. Combinations are no scope tokens, and are left out.
fn is_scope(needed: &str) -> bool {
    !needed.is_empty() && needed.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E) && b != b'(')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_the_auth_center_is_not_the_callers() {
        for (kind, expected) in [(ErrorKind::Rejected, 502), (ErrorKind::UnknownUser, 404)] {
            let error = AuthError::new(kind).with_code(401);
            let response = Responder::default().respond(&error);
            let envelope: Envelope<()> = serde_json::from_slice(response.body()).unwrap();
            assert_eq!((response.status().as_u16(), envelope.code), (expected, i64::from(expected)));
        }
    }

    #[test]
    fn challenges() {
        for (error, expected) in [
            (AuthError::new(ErrorKind::MissingCredential), Some("Bearer")),
            (AuthError::new(ErrorKind::InvalidCredential), Some(r#"Bearer error="invalid_token""#)),
            (
                AuthError::new(ErrorKind::Expired),
                Some(r#"Bearer error="invalid_token", error_description="The access token expired""#),
            ),
            (AuthError::invalid_access_key(), Some(r#"Bearer error="invalid_token""#)),
            (AuthError::missing_permission("a:b"), Some(r#"Bearer error="insufficient_scope", scope="a:b""#)),
            (AuthError::missing_permission("(a and b)"), Some(r#"Bearer error="insufficient_scope""#)),
            (AuthError::missing_permission("a\"b"), Some(r#"Bearer error="insufficient_scope""#)),
            (AuthError::missing_permission("报表"), Some(r#"Bearer error="insufficient_scope""#)),
            (AuthError::new(ErrorKind::Denied), None),
            (AuthError::new(ErrorKind::Unavailable), None),
            (AuthError::new(ErrorKind::Internal), None),
        ] {
            let response = Responder::default().respond(&error);
            let header = response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap());
            assert_eq!(header, expected, "{error:?}");
            let unavailable = error.kind() == ErrorKind::Unavailable;
            assert_eq!(response.headers().contains_key(RETRY_AFTER), unavailable, "{error:?}");
        }
    }
}
