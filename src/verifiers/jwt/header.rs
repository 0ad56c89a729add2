//! Read the header of a token (RFC 7515 section 4.1).

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// The members that decide how a token is verified. Keys inside the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
///
/// Not a map of all: most headers have these alone, and a map costs more than reading them.
#[derive(Default)]
pub(super) struct Header {
    pub(super) alg: Option<Value>,
    pub(super) kid: Option<Value>,
    pub(super) typ: Option<Value>,
    pub(super) crit: Option<Value>,
}

impl Header {
    /// Parses a JSON object with unique member names.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_str(std::str::from_utf8(json).ok()?).ok()
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Name {
    Alg,
    Kid,
    Typ,
    Crit,
    Other(String),
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut header, mut others) = (Header::default(), BTreeSet::new());
        while let Some(name) = members.next_key()? {
            // Also of the others: `IgnoredAny` would take what is no JSON.
            let value: Value = members.next_value()?;
            let is_first = match name {
                Name::Alg => header.alg.replace(value).is_none(),
                Name::Kid => header.kid.replace(value).is_none(),
                Name::Typ => header.typ.replace(value).is_none(),
                Name::Crit => header.crit.replace(value).is_none(),
                Name::Other(name) => others.insert(name),
            };
            if !is_first {
                return Err(A::Error::custom("duplicate member name"));
            }
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::claims::unique_json;

    /// What is read here and what a map has is the same, for headers of all kinds.
    #[test]
    fn headers_are_read_as_a_map_has_them() {
        for json in [
            r#"{}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"HS256","typ":"JWT","kid":"a"}"#,
            r#"{"alg":null,"typ":7,"kid":["a"],"crit":null}"#,
            r#"{"\u0061lg":"HS256","k\u0069d":"\u0061"}"#,
            r#"{"Alg":"HS256","ALG":"none","alg ":"none"}"#,
            r#"{"alg":"HS256","jku":"x","x5c":["y"],"nonce":{"a":1,"a":2}}"#,
            r#"{"alg":"HS256","alg":"HS256"}"#,
            r#"{"alg":null,"alg":null}"#,
            r#"{"kid":"a","\u006bid":"b"}"#,
            r#"{"typ":"JWT","x":1,"typ":"JWT"}"#,
            r#"{"crit":[],"crit":[]}"#,
            r#"{"x":1,"x":1}"#,
            r#"{"x":1,"\u0078":1}"#,
            r#"{"":1,"":1}"#,
            r#"{"x":"\ud800"}"#,
            r#"{"x":1e999}"#,
            r#"{"x":01}"#,
            r#"{"x":tru}"#,
            r#"{"x":1}{}"#,
            r#"{"x":1"#,
            r#"["alg"]"#,
            r#""alg""#,
            "null",
            "",
            "{\"x\":\"\n\"}",
        ] {
            let map = unique_json::parse(json.as_bytes());
            let header = Header::parse(json.as_bytes());
            assert_eq!(header.is_some(), map.is_some(), "{json}");
            let Some((header, map)) = header.zip(map) else { continue };
            for (name, value) in
                [("alg", header.alg), ("kid", header.kid), ("typ", header.typ), ("crit", header.crit)]
            {
                assert_eq!(value.as_ref(), map.get(name), "{name} of {json}");
            }
        }
        for json in [&b"{\"x\":\"\xff\"}"[..], b"{\"x\":\"\xed\xa0\x80\"}", b"\xef\xbb\xbf{}"] {
            assert!(Header::parse(json).is_none(), "{json:?}");
        }
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
        assert!(Header::parse(deep.as_bytes()).is_none());
    }
}
