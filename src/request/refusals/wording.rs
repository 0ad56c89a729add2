//! The default answer, and what a layer may change about its words.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::challenge::ChallengeParameters;
use crate::types::envelope::Envelope;
use crate::types::error::{AuthError, ErrorKind, Language};

/// How a layer words its refusals, in whichever form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wording {
    pub(crate) language: Language,
    /// Whether callers with an account are told which permission is missing.
    pub(crate) names_permission: bool,
    pub(crate) challenge: ChallengeParameters,
}

impl Wording {
    /// Returns how to word a refusal to somebody, who has an account, or to anybody else, who is told nothing of permissions.
    pub(crate) fn to(&self, somebody: bool) -> Cow<'_, Self> {
        if somebody || !self.names_permission {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { names_permission: false, ..self.clone() })
    }

    /// Returns the message for callers.
    pub(crate) fn message(&self, error: &AuthError) -> Cow<'static, str> {
        let message = error.message(self.language);
        match error.needed().filter(|_| self.names_permission) {
            None => message.into(),
            Some(needed) => match self.language {
                Language::English => format!("{message}: {needed}"),
                Language::Chinese => format!("{message}：{needed}"),
            }
            .into(),
        }
    }

    /// Returns the envelope's code. The auth center's own code is about a call of this service: a 401 of it does not log
    /// the caller out.
    pub(super) fn code(error: &AuthError) -> i64 {
        match error.kind() {
            ErrorKind::Rejected | ErrorKind::UnknownUser => i64::from(error.status().as_u16()),
            _ => error.code(),
        }
    }

    /// Returns the default answer.
    pub(crate) fn envelope(&self, error: &AuthError) -> Response {
        self.response(error, HeaderValue::from_static("application/json"), self.body(error))
    }

    /// Returns an answer of this body, with the headers that belong to the error.
    // A call would copy what it gets.
    #[inline(always)]
    pub(super) fn response(&self, error: &AuthError, content_type: HeaderValue, body: Bytes) -> Response {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = error.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type);
        if let Some(challenge) = self.challenge.of(error) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(after) = error.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        response
    }

    fn body(&self, error: &AuthError) -> Bytes {
        let [english, chinese] = &*MISSING_CREDENTIAL_BODIES;
        match (error.kind(), self.language) {
            (ErrorKind::MissingCredential, language) if error.has_usual_message() => match language {
                Language::English => english.clone(),
                Language::Chinese => chinese.clone(),
            },
            _ => json(error, self.message(error)),
        }
    }
}

/// The bodies of the answer that unauthenticated callers can cause at will, serialized once for each language.
static MISSING_CREDENTIAL_BODIES: LazyLock<[Bytes; 2]> = LazyLock::new(|| {
    let error = ErrorKind::MissingCredential.into();
    [Language::English, Language::Chinese].map(|language| json(&error, error.message(language)))
});

fn json(error: &AuthError, message: impl Into<String>) -> Bytes {
    let envelope = Envelope::<()>::failure(Wording::code(error), message);
    serde_json::to_vec(&envelope).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_the_auth_center_is_not_the_callers() {
        for (kind, expected) in [(ErrorKind::Rejected, 502), (ErrorKind::UnknownUser, 404)] {
            let error = AuthError::new(kind).with_code(401);
            let body = Wording::default().body(&error);
            let envelope: Envelope<()> = serde_json::from_slice(&body).unwrap();
            let status = Wording::default().envelope(&error).status().as_u16();
            assert_eq!((status, envelope.code), (expected, i64::from(expected)));
        }
    }

    #[test]
    fn permission_is_named_if_the_service_wants_it() {
        let error = AuthError::missing_permission("report:read");
        for (language, names_permission, expected) in [
            (Language::English, false, "Permission is missing"),
            (Language::English, true, "Permission is missing: report:read"),
            (Language::Chinese, false, "权限不足"),
            (Language::Chinese, true, "权限不足：report:read"),
        ] {
            let wording = Wording { language, names_permission, ..Wording::default() };
            assert_eq!(wording.message(&error), expected);
            let denied = AuthError::new(ErrorKind::Denied);
            assert_eq!(wording.message(&denied), denied.message(language));
        }
    }
}
