//! Parse JSON objects, and reject duplicate member names.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// Parses a JSON object with unique member names (RFC 7515 section 4, RFC 7519 section 4): of two members with one name,
/// another reader may have used the other.
pub(crate) fn parse(json: &[u8]) -> Option<Map<String, Value>> {
    // Checked as a whole: `from_slice` would check text by text.
    let json = std::str::from_utf8(json).ok()?;
    serde_json::from_str(json).ok().map(|Unique(object)| object)
}

struct Unique(Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members).map(Self)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member name"));
            }
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_duplicate_name_or_trailing_data_is_rejected() {
        for (json, ok) in [
            (r#"{}"#, true),
            (r#" {"a": 1, "b": {"a": 2}} "#, true),
            (r#"{"a": 1, "a": 1}"#, false),
            (r#"{"a": 1, "\u0061": 2}"#, false),
            (r#"{"a": 1}{"a": 2}"#, false),
            (r#"{"a": 1} x"#, false),
            (r#"{"a": 1,}"#, false),
            (r#"[]"#, false),
            (r#""a""#, false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(parse(json.as_bytes()).is_some(), ok, "{json}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        assert!(parse(deep.as_bytes()).is_none());
        assert!(parse(b"{\"a\": \"\xff\"}").is_none(), "not UTF-8");
    }
}
