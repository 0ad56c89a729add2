//! Read the usual answer about a user in one pass over its bytes.
//!
//! Lookups read it most, and most of what a lookup takes beside its call is reading. What is unusual is left to the way of all
//! calls: an error, both spellings of one name, a name twice, an envelope with more in it.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::types::user::UserAtOnce;

/// Reads the user of a successful answer.
pub(super) fn success(body: &[u8]) -> Option<UserAtOnce> {
    // Checked as a whole: `from_slice` would check text by text.
    let body = std::str::from_utf8(body).ok()?;
    serde_json::from_str(body).ok().map(|Envelope(user)| user)
}

/// `{"code": 0, "message": …, "data": {…}}` in any order, and nothing else.
struct Envelope(UserAtOnce);

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "lowercase")]
        enum Name {
            Code,
            Message,
            Data,
        }

        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Envelope;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an envelope")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Envelope, A::Error> {
                let (mut code, mut message, mut data) = (None, None, None);
                while let Some(name) = members.next_key()? {
                    let is_twice = match name {
                        Name::Code => code.replace(members.next_value::<i64>()?).is_some(),
                        Name::Message => message.replace(members.next_value::<Option<Text>>()?).is_some(),
                        Name::Data => data.replace(members.next_value()?).is_some(),
                    };
                    if is_twice {
                        return Err(A::Error::custom("a name twice"));
                    }
                }
                let data = data.filter(|_| code == Some(0));
                data.map(Envelope).ok_or_else(|| A::Error::custom("no success"))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A text that is not kept.
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Text, E> {
                Ok(Text)
            }
        }

        deserializer.deserialize_str(Any)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::data::{ReadData, UserOfCredential};
    use super::*;

    /// What it reads is what the way of all calls reads, of answers that change at random; and it does read the usual ones.
    #[test]
    fn reads_what_the_other_way_reads() {
        const FIELDS: [(&str, &str); 22] = [
            ("id", "7"),
            ("id", "\"7f\""),
            ("id", "1.5"),
            ("username", "\"alice\""),
            ("username", "\"\\ud83d\\ude00\""),
            ("nickname", "null"),
            ("email", "\"a@example.com\""),
            ("email", "7"),
            ("roles", "[\"admin\", \"a\"]"),
            ("permissions", "null"),
            ("permissions", "[\"b\", \"a\", \"a\"]"),
            ("permissions", "[7]"),
            ("groups", "[{\"id\": 1, \"name\": \"staff\"}, 7]"),
            ("isAdmin", "true"),
            ("is_admin", "false"),
            ("feishuUserId", "\"ou\""),
            ("feishu_user_id", "7"),
            ("status", "\"active\""),
            ("expiresAt", "1900000000"),
            ("expires_at", "null"),
            ("more", "{\"a\": [1, {}]}"),
            ("more", "\"\\ud800\""),
        ];
        let mut random = test_support::seed::random();
        let mut read = 0;
        for _ in 0..20_000 {
            let mut fields = vec![("id", "7"), ("username", "\"alice\"")];
            for _ in 0..random.usize(..6) {
                let field = *random.choice(&FIELDS).unwrap();
                // Seldom one of a name that is there.
                if random.u8(..8) == 0 || fields.iter().all(|(name, _)| *name != field.0) {
                    fields.push(field);
                }
            }
            random.shuffle(&mut fields);
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            let data = format!("{{{}}}", fields.join(", "));
            let mut members = vec![format!("\"data\": {data}"), "\"code\": 0".to_owned()];
            match random.u8(..20) {
                0 => members.push("\"code\": 0".to_owned()),
                1 => members.push("\"more\": 1".to_owned()),
                2 => members[1] = "\"code\": 401".to_owned(),
                3 => members[0] = "\"data\": [7, \"alice\"]".to_owned(),
                4 => {}
                _ => members.push("\"message\": \"ok\"".to_owned()),
            }
            random.shuffle(&mut members);
            let body = format!("{{{}}}", members.join(", "));
            let Some(at_once) = success(body.as_bytes()) else { continue };
            read += 1;
            let mut envelope: serde_json::Map<String, Value> = match serde_json::from_str(&body) {
                Ok(envelope) => envelope,
                // A member that nobody reads was passed over, not decoded.
                Err(_) => {
                    assert!(body.contains("ud800"), "{body}");
                    continue;
                }
            };
            let other = UserOfCredential::read(envelope.remove("data").unwrap()).expect(&body);
            let [at_once, other] = [(&at_once.user, at_once.expires_at), (&other.user, other.expires_at)]
                .map(|(user, end)| (serde_json::to_value(user).unwrap(), end.filter(|end| !end.is_null())));
            assert_eq!(at_once, other, "{body}");
            assert!(envelope["code"] == 0, "{body}");
        }
        assert!(read > 5_000, "{read} were read");
    }
}
