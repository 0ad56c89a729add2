//! Verify log-out tokens (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6): by the keys of access tokens, and by
//! rules of their own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::error::{Reason, Rejection, invalid_token};
use super::jwks::Fetch;
use super::revocation::id;
use super::source::Source;
use super::token::Token;
use super::validation::date;
use super::verifier::{Fetches, Inner, JwtVerifier, PENDING};
use crate::types::claims::{LOGOUT_EVENT, check_audience, check_issuer, media_type, shown};
use crate::types::credential::BearerToken;
use crate::types::error::{AuthError, BuildError, ErrorKind};
use crate::util::clock::from_unix;

/// What is required of a log-out token.
#[derive(Clone, Debug)]
pub(crate) struct LogoutRules {
    /// The client's ids at the issuers.
    pub(crate) audiences: Vec<String>,
    /// How long ago it may have been issued.
    pub(crate) max_age: Duration,
    /// Whether its header may have another `typ` than `logout+jwt`, or none.
    pub(crate) accept_untyped: bool,
}

/// What a log-out token says.
pub(crate) struct LogoutToken {
    pub(crate) issuer: String,
    pub(crate) jti: String,
    pub(crate) issued_at: SystemTime,
    pub(crate) expires_at: SystemTime,
    pub(crate) sid: Option<String>,
    pub(crate) subject: Option<String>,
}

impl JwtVerifier {
    /// Checks that log-outs can be verified and applied: by a list of revocations, and issuers that are known.
    pub(crate) fn check_for_logout(&self) -> Result<(), BuildError> {
        if self.revocation_check().is_err() {
            return Err(BuildError::new(
                "back-channel logout needs a verifier with a list of revocations: set `revocations` of its builder",
            ));
        }
        match self.inner.sources.iter().all(|source| source.validation.issuers.is_some()) {
            true => Ok(()),
            false => Err(BuildError::new(
                "back-channel logout needs a verifier whose sources of keys have an issuer: set `issuer` of its builder",
            )),
        }
    }

    /// Verifies a log-out token.
    pub(crate) async fn verify_logout_token(
        &self,
        token: &str,
        rules: &LogoutRules,
    ) -> Result<LogoutToken, AuthError> {
        let token = BearerToken::new(token)?;
        let token = token.as_bytes();
        if let Some(verified) = self.inner.logout_token(token, &PENDING, rules)? {
            return Ok(verified);
        }
        let fetches = self.inner.fetch(token).await;
        self.inner.logout_token(token, &fetches, rules)?.ok_or_else(|| {
            AuthError::new(ErrorKind::Internal).with_detail("the fetch of the key set had no outcome")
        })
    }
}

impl Inner {
    fn logout_token(
        &self,
        token: &[u8],
        fetches: &Fetches,
        rules: &LogoutRules,
    ) -> Result<Option<LogoutToken>, Rejection> {
        let token = Token::parse(token)?;
        let today = self.clock.today();
        let verify = |source: &Source, fetch: Fetch| match source.verify_signature(&token, fetch)? {
            Some(_) => rules.validate(source, token.typ(), token.claims()?, today).map(Some),
            None => Ok(None),
        };
        self.by_its_source(&token, fetches, verify)
    }
}

impl LogoutRules {
    fn validate(
        &self,
        source: &Source,
        typ: Option<&str>,
        claims: &Map<String, Value>,
        today: SystemTime,
    ) -> Result<LogoutToken, Rejection> {
        let rejected = |detail: String| invalid_token(Reason::Kind, detail);
        let is_typed = typ.map(media_type).as_deref() == Some("logout+jwt");
        if !is_typed && !self.accept_untyped {
            let found = typ.map_or("none".to_owned(), shown);
            return Err(rejected(format!(
                "expected `typ` `logout+jwt` in the JWT header, found {found}; `accept_untyped` takes others"
            )));
        }
        if !claims.get("events").and_then(|events| events.get(LOGOUT_EVENT)).is_some_and(Value::is_object) {
            return Err(rejected(format!(
                "no log-out token: expected the event `{LOGOUT_EVENT}` in `events`"
            )));
        }
        // An ID token is no log-out token.
        if claims.contains_key("nonce") {
            return Err(rejected("no log-out token: it has a `nonce`".to_owned()));
        }
        let issuers = source.validation.issuers.as_deref().unwrap_or_default();
        check_issuer(claims.get("iss"), issuers).map_err(|detail| invalid_token(Reason::Issuer, detail))?;
        check_audience(claims.get("aud"), &self.audiences)
            .map_err(|detail| invalid_token(Reason::Audience, detail))?;
        let now = today.duration_since(UNIX_EPOCH).unwrap_or_default();
        let exp = source.validation.validate_dates(claims, now)?;
        let missing = |name: &str| invalid_token(Reason::Dates, format!("missing `{name}` claim"));
        let iat = date(claims, "iat")?.ok_or_else(|| missing("iat"))?;
        let age = now.as_secs_f64() - iat;
        if age > self.max_age.saturating_add(source.validation.leeway).as_secs_f64() {
            let detail = format!(
                "the log-out token was issued {age:.0} s ago (`iat`): expected at most {} s",
                self.max_age.as_secs()
            );
            return Err(invalid_token(Reason::Expired, detail));
        }
        let jti = id(claims, "jti")?.ok_or_else(|| rejected("missing `jti` claim".to_owned()))?;
        let (sid, subject) = (id(claims, "sid")?, id(claims, "sub")?);
        if sid.is_none() && subject.is_none() {
            return Err(rejected("missing `sub` and `sid` claims: one of them is required".to_owned()));
        }
        let time = |seconds: f64| from_unix(seconds).unwrap_or(today);
        let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(LogoutToken { issuer, jti, issued_at: time(iat), expires_at: time(exp), sid, subject })
    }
}
