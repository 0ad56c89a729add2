//! Read when a token expires.

use std::fmt;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::util::clock::from_unix;

/// Reads the `exp` of a token that looks like a JWT. It is not verified: use it only to shorten the TTL.
pub(crate) fn of_jwt(token: &str) -> Option<SystemTime> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let Claims(exp) = serde_json::from_slice(&payload).ok()?;
    parse(&exp?)
}

/// The `exp` of a token; of several the last, as the map of a JSON parser would have it. The others are not kept.
struct Claims(Option<Value>);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "lowercase")]
        enum Name {
            Exp,
            #[serde(other)]
            Other,
        }

        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Claims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Claims, A::Error> {
                let mut exp = None;
                while let Some(name) = members.next_key()? {
                    match name {
                        Name::Exp => exp = Some(members.next_value()?),
                        Name::Other => drop(members.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Claims(exp))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Parses a time: seconds since 1970 as a number or a string, or ISO 8601, as UTC if it has no time zone.
pub(crate) fn parse(value: &Value) -> Option<SystemTime> {
    match value {
        Value::Number(seconds) => from_unix(seconds.as_f64()?.max(0.0)),
        Value::String(text) => {
            let text = text.trim();
            if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
                return Some(timestamp.into());
            }
            let Ok(local) = text.parse::<jiff::civil::DateTime>() else {
                return from_unix(text.parse::<f64>().ok()?.max(0.0));
            };
            Some(local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::json;

    use super::*;

    fn unix(time: SystemTime) -> u64 {
        time.duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    #[test]
    fn times_are_parsed_from_numbers_and_strings() {
        for (value, expected) in [
            (json!(1_800_000_000), Some(1_800_000_000)),
            (json!(1_800_000_000.9), Some(1_800_000_000)),
            (json!(-5), Some(0)),
            (json!(1e300), None),
            (json!("2027-01-15T08:00:00Z"), Some(1_800_000_000)),
            (json!("2027-01-15T16:00:00+08:00"), Some(1_800_000_000)),
            (json!("2027-01-15T08:00:00"), Some(1_800_000_000)),
            (json!("2027-01-15T08:00:00.123456"), Some(1_800_000_000)),
            (json!("2027-01-15 08:00:00"), Some(1_800_000_000)),
            (json!("1800000000"), Some(1_800_000_000)),
            (json!("1800000000.5"), Some(1_800_000_000)),
            (json!("tomorrow"), None),
            (json!("NaN"), Some(0)),
            (json!("inf"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
        ] {
            assert_eq!(parse(&value).map(unix), expected, "{value}");
        }
    }

    #[test]
    fn exp_is_read_from_jwts() {
        let jwt = |payload: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        for (token, expected) in [
            (jwt(r#"{"exp":1800000000}"#), Some(1_800_000_000)),
            (jwt(r#"{"sub":"x"}"#), None),
            (jwt("not json"), None),
            ("opaque".to_owned(), None),
            ("a.b".to_owned(), None),
            ("a.b.c.d".to_owned(), None),
            ("..".to_owned(), None),
        ] {
            assert_eq!(of_jwt(&token).map(unix), expected, "{token}");
        }
    }
}
