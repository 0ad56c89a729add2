//! Validate the registered claims (RFC 7519 section 4.1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::error::invalid_token;
use crate::types::error::AuthError;
use crate::util::clock::from_unix;

#[derive(Clone, Debug)]
pub(super) struct Validation {
    /// Accepted values of `aud`; `None` accepts all.
    pub(super) audiences: Option<Vec<String>>,
    /// Accepted values of `iss`; `None` accepts all.
    pub(super) issuers: Option<Vec<String>>,
    pub(super) leeway: Duration,
}

impl Validation {
    /// Validates the claims at this time. Returns when the token expires, if a `SystemTime` can represent that.
    pub(super) fn validate(
        &self,
        claims: &Map<String, Value>,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, AuthError> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let leeway = self.leeway.as_secs_f64();
        let exp = date(claims, "exp")?.ok_or_else(|| invalid_token("missing `exp` claim"))?;
        if now >= exp + leeway {
            return Err(invalid_token("the token has expired"));
        }
        for (name, early) in [
            ("nbf", "the token is not valid yet (`nbf`)"),
            ("iat", "the token was issued in the future (`iat`)"),
        ] {
            if date(claims, name)?.is_some_and(|date| date > now + leeway) {
                return Err(invalid_token(early));
            }
        }
        if let Some(audiences) = &self.audiences {
            validate_audience(claims.get("aud"), audiences)?;
        }
        if let Some(issuers) = &self.issuers {
            match claims.get("iss") {
                Some(Value::String(issuer)) if issuers.contains(issuer) => {}
                None => return Err(invalid_token("missing `iss` claim")),
                _ => return Err(invalid_token("the issuer (`iss`) is not one of those configured")),
            }
        }
        Ok(from_unix(exp))
    }
}

/// Reads a NumericDate (RFC 7519 section 2): a JSON number, not a string of digits.
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, AuthError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let malformed = || invalid_token(format!("malformed `{name}` claim: expected a number"));
            value.as_f64().map(Some).ok_or_else(malformed)
        }
    }
}

/// Validates an `aud` claim (RFC 7519 section 4.1.3): a string, or an array of strings.
fn validate_audience(claim: Option<&Value>, accepted: &[String]) -> Result<(), AuthError> {
    let claimed = match claim {
        None => return Err(invalid_token("missing `aud` claim")),
        Some(Value::Array(claimed)) => claimed,
        Some(one) => std::slice::from_ref(one),
    };
    if !claimed.iter().all(Value::is_string) {
        return Err(invalid_token("malformed `aud` claim: expected a string or an array of strings"));
    }
    let is_accepted = |claimed: &Value| accepted.iter().any(|accepted| claimed.as_str() == Some(accepted));
    if claimed.iter().any(is_accepted) {
        Ok(())
    } else {
        Err(invalid_token("the audience (`aud`) is not one of those configured"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn validate(claims: Value) -> Result<Option<SystemTime>, AuthError> {
        let validation = Validation {
            audiences: Some(vec!["us".to_owned(), "them".to_owned()]),
            issuers: Some(vec!["https://issuer.example".to_owned()]),
            leeway: Duration::from_secs(30),
        };
        let Value::Object(claims) = claims else { panic!() };
        validation.validate(&claims, UNIX_EPOCH + Duration::from_secs(NOW))
    }

    #[test]
    fn registered_claims_out_of_bounds_are_rejected() {
        let good = json!({"exp": NOW + 60, "aud": "us", "iss": "https://issuer.example"});
        assert_eq!(validate(good.clone()).unwrap(), Some(UNIX_EPOCH + Duration::from_secs(NOW + 60)));
        for (name, value, rejected) in [
            // 30 s of leeway, to the second.
            ("exp", json!(NOW - 29), None),
            ("exp", json!(NOW - 30), Some("expired")),
            ("exp", json!(NOW as f64 - 29.5), None),
            ("exp", json!(0), Some("expired")),
            ("exp", json!(-1), Some("expired")),
            ("exp", json!(1e300), None),
            ("exp", json!(u64::MAX), None),
            ("exp", json!((NOW + 60).to_string()), Some("expected a number")),
            ("exp", Value::Null, Some("expected a number")),
            ("exp", json!([NOW + 60]), Some("expected a number")),
            ("exp", json!(true), Some("expected a number")),
            ("nbf", json!(NOW + 30), None),
            ("nbf", json!(NOW + 31), Some("nbf")),
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
            ("iss", json!("https://issuer.example/"), Some("iss")),
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
