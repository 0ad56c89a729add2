//! Read the answer (RFC 7662 section 2.2).

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::types::claims::{ClaimsMapping, TokenKind, check_audience, check_issuer, unique_json};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::util::clock::from_unix;

/// The last second of the year 9999.
const LAST_DATE: f64 = 253_402_300_799.0;

/// What an active token has to be, and how it becomes a user.
#[derive(Clone, Debug)]
pub(super) struct Requirements {
    /// Accepted values of `aud`; `None` accepts all.
    pub(super) audiences: Option<Vec<String>>,
    /// Accepted values of `iss`; `None` accepts all.
    pub(super) issuers: Option<Vec<String>>,
    pub(super) leeway: Duration,
    /// What a token may be said to be, besides an access token.
    pub(super) kinds: Vec<TokenKind>,
    pub(super) mapping: ClaimsMapping,
}

impl Requirements {
    /// Returns the user of an active token.
    pub(super) fn user_of(&self, body: &[u8], now: SystemTime) -> Result<UserInfo, AuthError> {
        let answer = unique_json::parse(body).ok_or_else(|| {
            unreadable("expected a JSON object with unique names; is the URL that of the introspection?")
        })?;
        match answer.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => {
                return Err(invalid("the token is not active, by its authorization server"));
            }
            // A text may mean either.
            Some(_) => return Err(unreadable("expected `active` to be true or false, as JSON has them")),
            None => return Err(unreadable("`active` is missing; is the URL that of the introspection?")),
        }
        let end = self.check_dates(&answer, now)?;
        self.check_audience(answer.get("aud"))?;
        self.check_issuer(answer.get("iss"))?;
        self.check_kind(&answer)?;
        let mut user = self.mapping.map(&answer)?.build();
        if let Some(end) = end {
            user.set_valid_until(end);
        }
        #[cfg(feature = "jwt")]
        user.set_claims(Value::Object(answer).to_string());
        Ok(user)
    }

    /// Returns when the token ends, if the answer says.
    fn check_dates(
        &self,
        answer: &Map<String, Value>,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, AuthError> {
        let end = date(answer, "exp")?;
        if end.is_some_and(|end| end + self.leeway <= now) {
            return Err(AuthError::new(ErrorKind::Expired)
                .with_detail("the token has expired (`exp`), although it is said to be active"));
        }
        if date(answer, "nbf")?.is_some_and(|start| start > now + self.leeway) {
            return Err(invalid("the token is not valid yet (`nbf`), although it is said to be active"));
        }
        Ok(end)
    }

    fn check_audience(&self, claim: Option<&Value>) -> Result<(), AuthError> {
        let Some(accepted) = &self.audiences else { return Ok(()) };
        if claim.is_none() {
            return Err(invalid(
                "the answer has no `aud`, and an audience is required; `insecure_any_audience` is for endpoints that answer \
                 for this client's own tokens only",
            ));
        }
        check_audience(claim, accepted).map_err(invalid)
    }

    fn check_issuer(&self, claim: Option<&Value>) -> Result<(), AuthError> {
        let Some(accepted) = &self.issuers else { return Ok(()) };
        check_issuer(claim, accepted).map_err(invalid)
    }

    fn check_kind(&self, answer: &Map<String, Value>) -> Result<(), AuthError> {
        match TokenKind::refused(None, answer, &self.kinds) {
            Some((kind, place)) => Err(invalid(format!(
                "expected an access token: by its `{place}`, the token is {kind} (`accept_kind` takes TokenKind::{kind:?})"
            ))),
            None => Ok(()),
        }
    }
}

/// Reads a date: a JSON number of seconds since 1970.
fn date(answer: &Map<String, Value>, name: &str) -> Result<Option<SystemTime>, AuthError> {
    let Some(value) = answer.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| *seconds <= LAST_DATE);
    let date = seconds.and_then(|seconds| from_unix(seconds.max(0.0)));
    date.map(Some).ok_or_else(|| {
        unreadable(match name {
            "exp" => "expected `exp` to be a number of seconds since 1970, before the year 10000",
            _ => "expected `nbf` to be a number of seconds since 1970, before the year 10000",
        })
    })
}

/// An answer that says nothing about the token. Never with its own words: they may repeat the token.
fn unreadable(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::Unavailable)
        .with_detail(format!("unreadable introspection answer: {detail}"))
        .of_this_credential()
}

fn invalid(detail: impl Into<Cow<'static, str>>) -> AuthError {
    AuthError::new(ErrorKind::InvalidCredential).with_detail(detail)
}
