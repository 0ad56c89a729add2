//! Validate the registered claims (RFC 7519 section 4.1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::error::{Reason, Rejection, invalid_token};
use crate::types::claims::{TokenKind, check_audience, check_issuer, media_type, shown, type_of};
use crate::util::clock::from_unix;

/// The last second of the year 9999.
const LAST_DATE: f64 = 253_402_300_799.0;

#[derive(Clone, Debug)]
pub(super) struct Validation {
    /// Accepted values of `aud`; `None` accepts all.
    pub(super) audiences: Option<Vec<String>>,
    /// Accepted values of `iss`; `None` accepts all.
    pub(super) issuers: Option<Vec<String>>,
    pub(super) leeway: Duration,
    /// The `typ` that the header must have.
    pub(super) typ: Option<String>,
    /// Claims that must have this value.
    pub(super) required: Vec<(String, Value)>,
    /// Claims that must be there, whatever they say.
    pub(super) present: Vec<String>,
    /// What a token may call itself, besides an access token.
    pub(super) kinds: Vec<TokenKind>,
    /// What the subjects of others start with, such as services.
    pub(super) rejected_prefixes: Vec<String>,
}

impl Validation {
    /// Validates `typ` of the header and the claims at this time. Returns when the token expires, if a `SystemTime` can
    /// represent that.
    pub(super) fn validate(
        &self,
        typ: Option<&str>,
        claims: &Map<String, Value>,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, Rejection> {
        let exp = self.validate_dates(claims, now.duration_since(UNIX_EPOCH).unwrap_or_default())?;
        if let Some(audiences) = &self.audiences {
            check_audience(claims.get("aud"), audiences)
                .map_err(|detail| invalid_token(Reason::Audience, detail))?;
        }
        if let Some(issuers) = &self.issuers {
            check_issuer(claims.get("iss"), issuers)
                .map_err(|detail| invalid_token(Reason::Issuer, detail))?;
        }
        self.validate_kind(typ, claims)?;
        if let Some(subject) = claims.get("sub").and_then(Value::as_str) {
            self.validate_subject(subject)?;
        }
        Ok(from_unix(exp))
    }

    pub(super) fn validate_dates(
        &self,
        claims: &Map<String, Value>,
        now: Duration,
    ) -> Result<f64, Rejection> {
        let (now, leeway) = (now.as_secs_f64(), self.leeway.as_secs_f64());
        let missing = || {
            invalid_token(
                Reason::Dates,
                "missing `exp` claim: expected the date when the token ends, for one without an end is rejected",
            )
        };
        let exp = date(claims, "exp")?.ok_or_else(missing)?;
        let seconds = |span: f64| format!("{:.0} s", span.max(1.0));
        if now >= exp + leeway {
            let ago = seconds(now - exp);
            return Err(invalid_token(Reason::Expired, format!("the token has expired {ago} ago (`exp`)")));
        }
        for (name, early) in [("nbf", "is not valid yet"), ("iat", "was issued in the future")] {
            if let Some(date) = date(claims, name)?.filter(|date| *date > now + leeway) {
                let ahead = seconds(date - now);
                let detail = format!(
                    "the token {early}: `{name}` is {ahead} ahead of this clock, and {} are tolerated (`leeway`)",
                    seconds(leeway)
                );
                return Err(invalid_token(Reason::NotYetValid, detail));
            }
        }
        Ok(exp)
    }

    /// Rejects the subjects of others.
    pub(super) fn validate_subject(&self, subject: &str) -> Result<(), Rejection> {
        match self.rejected_prefixes.iter().find(|prefix| subject.starts_with(&***prefix)) {
            None => Ok(()),
            Some(prefix) => {
                let (prefix, found) = (shown(prefix), shown(subject));
                let detail = format!(
                    "the token is no user's: expected a subject that does not start with {prefix}, found {found} \
                     (`reject_subject_prefix`)"
                );
                Err(invalid_token(Reason::Subject, detail))
            }
        }
    }

    fn validate_kind(&self, typ: Option<&str>, claims: &Map<String, Value>) -> Result<(), Rejection> {
        let rejected = |detail: String| Err(invalid_token(Reason::Kind, detail));
        if let Some(expected) = &self.typ
            && typ.map(media_type).as_deref() != Some(expected)
        {
            let found = typ.map_or("none".to_owned(), shown);
            return rejected(format!("expected `typ` `{expected}` in the JWT header, found {found}"));
        }
        for (name, expected) in &self.required {
            match claims.get(name) {
                Some(found) if found == expected => {}
                None => return rejected(format!("missing `{name}` claim: it is required to be {expected}")),
                Some(found) => {
                    let found = shown(&found.to_string());
                    return rejected(format!("expected the claim `{name}` to be {expected}, found {found}"));
                }
            }
        }
        let absent = |name: &&String| claims.get(*name).is_none_or(Value::is_null);
        if let Some(name) = self.present.iter().find(absent) {
            return rejected(format!("missing `{name}` claim: it is required"));
        }
        match TokenKind::refused(typ, claims, &self.kinds) {
            Some((kind, place)) => rejected(format!(
                "expected an access token: by its `{place}`, the token says that it is {kind} (`accept_kind` takes \
                 TokenKind::{kind:?})"
            )),
            None => Ok(()),
        }
    }
}

/// Reads a NumericDate (RFC 7519 section 2): a JSON number, not a string of digits. Its fraction counts.
pub(super) fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Rejection> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let Some(date) = value.as_f64() else {
        let found = type_of(value);
        let detail =
            format!("malformed `{name}` claim: expected a number of seconds since 1970, found {found}");
        return Err(invalid_token(Reason::Dates, detail));
    };
    if date > LAST_DATE {
        let detail = format!(
            "malformed `{name}` claim: {date:.0} is after the year 9999; expected seconds since 1970, and milliseconds \
             are a thousand times as many"
        );
        return Err(invalid_token(Reason::Dates, detail));
    }
    Ok(Some(date))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn validate(claims: Value) -> Result<Option<SystemTime>, crate::AuthError> {
        let validation = Validation {
            audiences: Some(vec!["us".to_owned(), "them".to_owned()]),
            issuers: Some(vec!["https://issuer.example".to_owned()]),
            leeway: Duration::from_secs(30),
            typ: None,
            required: Vec::new(),
            present: Vec::new(),
            kinds: Vec::new(),
            rejected_prefixes: vec![],
        };
        let Value::Object(claims) = claims else { panic!() };
        Ok(validation.validate(None, &claims, UNIX_EPOCH + Duration::from_secs(NOW))?)
    }

    #[test]
    fn registered_claims_out_of_bounds_are_rejected() {
        let good = json!({"exp": NOW + 60, "aud": "us", "iss": "https://issuer.example"});
        assert_eq!(validate(good.clone()).unwrap(), Some(UNIX_EPOCH + Duration::from_secs(NOW + 60)));
        for (name, value, rejected) in [
            // 30 s of leeway, to the second.
            ("exp", json!(NOW - 29), None),
            ("exp", json!(NOW - 30), Some("expired")),
            ("exp", json!(NOW - 90), Some("expired 90 s ago")),
            ("exp", json!(NOW as f64 - 29.5), None),
            ("exp", json!(0), Some("expired")),
            ("exp", json!(-1), Some("expired")),
            ("exp", json!(253_402_300_799_u64), None),
            ("exp", json!(253_402_300_800_u64), Some("after the year 9999")),
            ("exp", json!((NOW + 60) * 1_000), Some("milliseconds are a thousand times as many")),
            ("iat", json!(NOW * 1_000), Some("after the year 9999")),
            ("exp", json!(1e300), Some("after the year 9999")),
            ("exp", json!(u64::MAX), Some("after the year 9999")),
            ("exp", json!((NOW + 60).to_string()), Some("expected a number")),
            ("exp", Value::Null, Some("expected a number")),
            ("exp", json!([NOW + 60]), Some("expected a number")),
            ("exp", json!(true), Some("expected a number")),
            ("nbf", json!(NOW + 30), None),
            ("nbf", json!(NOW + 31), Some("nbf")),
            ("nbf", json!(NOW + 90), Some("`nbf` is 90 s ahead of this clock, and 30 s are tolerated")),
            ("nbf", json!((NOW + 31).to_string()), Some("expected a number")),
            ("nbf", json!("0"), Some("expected a number")),
            ("iat", json!(NOW + 30), None),
            ("iat", json!(NOW + 31), Some("iat")),
            ("iat", json!("yesterday"), Some("expected a number")),
            ("aud", json!(["others", "them"]), None),
            ("aud", json!("others"), Some("aud")),
            ("aud", json!("US"), Some("aud")),
            ("aud", json!("us "), Some("aud")),
            ("aud", json!([]), Some("aud")),
            ("aud", json!(["us", 1]), Some("aud")),
            ("aud", json!([["us"]]), Some("aud")),
            ("aud", json!({"us": true}), Some("aud")),
            ("aud", Value::Null, Some("aud")),
            ("iss", json!("https://issuer.example/"), Some("they differ by a slash at the end")),
            ("iss", json!(["https://issuer.example"]), Some("iss")),
            ("iss", Value::Null, Some("iss")),
            ("private", json!("any value"), None),
        ] {
            let mut claims = good.clone();
            claims[name] = value;
            let outcome = validate(claims.clone());
            match (rejected, outcome) {
                (None, outcome) => assert!(outcome.is_ok(), "{claims}: {outcome:?}"),
                (Some(reason), outcome) => {
                    let error = outcome.expect_err(&claims.to_string());
                    assert!(error.detail().unwrap().contains(reason), "{claims}: {error}");
                }
            }
        }
        for required in ["exp", "aud", "iss"] {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(required);
            let error = validate(claims).expect_err(required);
            assert!(error.detail().unwrap().contains(&format!("missing `{required}`")), "{error}");
        }
    }
}
