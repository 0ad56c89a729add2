//! A verifier with a list, and what becomes of a token.

use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::revocation::MemoryRevocations;
use aigc_auth::testing::Clock;
use serde_json::Value;

use crate::jwt::support::{HMAC, SECRET, claims};

pub(crate) fn builder(clock: &Clock) -> JwtVerifierBuilder {
    let list = MemoryRevocations::with_clock(clock.clone());
    JwtVerifier::from_secret(SECRET).clock(clock.clone()).revocations(list)
}

/// A token of alice's, with these claims besides.
pub(crate) fn token(more: &Value) -> String {
    let mut claims = claims();
    for (name, value) in more.as_object().unwrap() {
        match value.as_str() {
            Some("absent") => drop(claims.as_object_mut().unwrap().remove(name)),
            _ => claims[name] = value.clone(),
        }
    }
    HMAC.issue("HS256", None, &claims)
}

/// How a token is answered: the status, and the reason.
pub(crate) async fn outcome(verifier: &JwtVerifier, token: &str) -> (u16, String) {
    match verifier.user_info(token).await {
        Ok(_) => (200, String::new()),
        Err(error) => (error.status().as_u16(), error.detail().unwrap_or_default().to_owned()),
    }
}

pub(crate) fn revoked() -> (u16, String) {
    (401, "the token has been revoked".to_owned())
}

pub(crate) const ACCEPTED: (u16, String) = (200, String::new());

pub(crate) async fn kind(verifier: &JwtVerifier, token: &str) -> Option<ErrorKind> {
    verifier.user_info(token).await.err().map(|error| error.kind())
}
