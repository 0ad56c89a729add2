//! What the registered claims must say (RFC 7519 section 4.1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::invalid;
use crate::clock::from_unix;
use crate::error::AuthError;

#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// One of these; `None` accepts all.
    pub(super) audiences: Option<Vec<String>>,
    /// One of these; `None` accepts all.
    pub(super) issuers: Option<Vec<String>>,
    pub(super) leeway: Duration,
}

impl Rules {
    /// Refuses what is not meant for us, or not now. Returns when the token ends, where a calendar can hold that.
    pub(super) fn check(
        &self,
        claims: &Map<String, Value>,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, AuthError> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let leeway = self.leeway.as_secs_f64();
        let exp = date(claims, "exp")?.ok_or_else(|| invalid("it has no exp"))?;
        if now >= exp + leeway {
            return Err(invalid("it has expired"));
        }
        for (name, early) in
            [("nbf", "it is not valid yet (nbf)"), ("iat", "it was issued in the future (iat)")]
        {
            if date(claims, name)?.is_some_and(|date| date > now + leeway) {
                return Err(invalid(early));
            }
        }
        if let Some(audiences) = &self.audiences {
            self::audiences(claims.get("aud"), audiences)?;
        }
        if let Some(issuers) = &self.issuers {
            match claims.get("iss") {
                Some(Value::String(issuer)) if issuers.contains(issuer) => {}
                None => return Err(invalid("it has no iss")),
                _ => return Err(invalid("it was issued by somebody else (iss)")),
            }
        }
        Ok(from_unix(exp))
    }
}

/// RFC 7519 section 2, NumericDate: a JSON number. A date in quotes is none.
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, AuthError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let not_a_number = || invalid("a date of it (exp, nbf or iat) is not a number");
            value.as_f64().map(Some).ok_or_else(not_a_number)
        }
    }
}

/// RFC 7519 section 4.1.3: a string, or an array of them.
fn audiences(claim: Option<&Value>, accepted: &[String]) -> Result<(), AuthError> {
    let claimed = match claim {
        None => return Err(invalid("it has no aud")),
        Some(Value::Array(claimed)) => claimed,
        Some(one) => std::slice::from_ref(one),
    };
    if !claimed.iter().all(Value::is_string) {
        return Err(invalid("its aud is neither a string nor an array of strings"));
    }
    let is_accepted = |claimed: &Value| accepted.iter().any(|accepted| claimed.as_str() == Some(accepted));
    if claimed.iter().any(is_accepted) { Ok(()) } else { Err(invalid("it is meant for somebody else (aud)")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn check(claims: Value) -> Result<Option<SystemTime>, AuthError> {
        let rules = Rules {
            audiences: Some(vec!["us".to_owned(), "them".to_owned()]),
            issuers: Some(vec!["https://issuer.example".to_owned()]),
            leeway: Duration::from_secs(30),
        };
        let Value::Object(claims) = claims else { panic!() };
        rules.check(&claims, UNIX_EPOCH + Duration::from_secs(NOW))
    }

    #[test]
    fn registered_claims() {
        let good = json!({"exp": NOW + 60, "aud": "us", "iss": "https://issuer.example"});
        assert_eq!(check(good.clone()).unwrap(), Some(UNIX_EPOCH + Duration::from_secs(NOW + 60)));
        let because = "because it says so";
        for (name, value, refused) in [
            // 30 s of leeway, to the second.
            ("exp", json!(NOW - 29), None),
            ("exp", json!(NOW - 30), Some("expired")),
            ("exp", json!(NOW as f64 - 29.5), None),
            ("exp", json!(0), Some("expired")),
            ("exp", json!(-1), Some("expired")),
            ("exp", json!(1e300), None),
            ("exp", json!(u64::MAX), None),
            ("exp", json!((NOW + 60).to_string()), Some("not a number")),
            ("exp", Value::Null, Some("not a number")),
            ("exp", json!([NOW + 60]), Some("not a number")),
            ("exp", json!(true), Some("not a number")),
            ("nbf", json!(NOW + 30), None),
            ("nbf", json!(NOW + 31), Some("nbf")),
            ("nbf", json!((NOW + 31).to_string()), Some("not a number")),
            ("nbf", json!("0"), Some("not a number")),
            ("iat", json!(NOW + 30), None),
            ("iat", json!(NOW + 31), Some("iat")),
            ("iat", json!("yesterday"), Some("not a number")),
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
            ("else", json!(because), None),
        ] {
            let mut claims = good.clone();
            claims[name] = value;
            let verdict = check(claims.clone());
            match (refused, verdict) {
                (None, verdict) => assert!(verdict.is_ok(), "{claims}: {verdict:?}"),
                (Some(why), verdict) => {
                    let error = verdict.expect_err(&claims.to_string());
                    assert!(error.detail().unwrap().contains(why), "{claims}: {error}");
                }
            }
        }
        for required in ["exp", "aud", "iss"] {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(required);
            let error = check(claims).expect_err(required);
            assert!(error.detail().unwrap().contains(&format!("has no {required}")), "{error}");
        }
    }
}
