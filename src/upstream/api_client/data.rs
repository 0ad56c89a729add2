//! The shapes that the `data` of a response may have.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::at_once;
use crate::types::spelling::{self, Record};
use crate::types::user::{UserAtOnce, UserInfo};

/// A shape of `data`. Not implemented for other types, so that no call reads one spelling alone, or takes an array for a
/// record.
pub(crate) trait ReadData: Sized {
    fn read(data: Value) -> Result<Self, serde_json::Error>;

    /// Reads the data of a successful response in one pass, where a shape has a way to. `None` also of what only a closer look
    /// can tell: what it returns is what that would.
    fn read_at_once(_: &[u8]) -> Option<Self> {
        None
    }
}

impl<T: DeserializeOwned> ReadData for Record<T> {
    fn read(data: Value) -> Result<Self, serde_json::Error> {
        spelling::record(object(data)?).map(Self)
    }
}

/// `null` stands for no record.
impl<T: DeserializeOwned> ReadData for Option<Record<T>> {
    fn read(data: Value) -> Result<Self, serde_json::Error> {
        if data.is_null() { Ok(None) } else { ReadData::read(data).map(Some) }
    }
}

impl<T: DeserializeOwned> ReadData for Listing<T> {
    fn read(data: Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(data)
    }
}

/// A record that is passed on as it came.
impl ReadData for Map<String, Value> {
    fn read(data: Value) -> Result<Self, serde_json::Error> {
        object(data)
    }
}

impl ReadData for IgnoredAny {
    fn read(_: Value) -> Result<Self, serde_json::Error> {
        Ok(Self)
    }
}

/// A user, beside whom the answer may say when their credential ends.
pub(crate) struct UserOfCredential {
    pub(crate) user: UserInfo,
    pub(crate) expires_at: Option<Value>,
}

impl ReadData for UserOfCredential {
    fn read(data: Value) -> Result<Self, serde_json::Error> {
        let mut fields = object(data)?;
        let expires_at = spelling::take(&mut fields, "expiresAt");
        Ok(Self { user: UserInfo::from_object(fields)?, expires_at })
    }

    fn read_at_once(body: &[u8]) -> Option<Self> {
        let UserAtOnce { user, expires_at } = at_once::success(body)?;
        Some(Self { user, expires_at })
    }
}

fn object(data: Value) -> Result<Map<String, Value>, serde_json::Error> {
    match data {
        Value::Object(fields) => Ok(fields),
        // Its error says what was there instead.
        other => serde_json::from_value(other),
    }
}

/// A list of records: bare, as the field `items` (1.1.54 and later), or as the field `users` (before).
pub(crate) struct Listing<T> {
    pub(crate) items: Vec<T>,
    /// The names that were asked for and not found. Bare lists and `items` come without.
    pub(crate) not_found: Option<Vec<String>>,
    /// The number of items on all pages.
    pub(crate) total: Option<u64>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Listing<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[serde(bound = "T: DeserializeOwned")]
        struct Fields<T> {
            #[serde(default)]
            items: Option<Vec<Option<T>>>,
            #[serde(default)]
            users: Option<Vec<Option<T>>>,
            #[serde(default)]
            not_found: Option<Vec<String>>,
            #[serde(default)]
            total: Option<u64>,
        }

        struct Items<T>(std::marker::PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for Items<T> {
            type Value = Listing<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or an object with `items` or `users`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Listing<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element::<Option<T>>()? {
                    items.extend(item);
                }
                Ok(Listing { items, not_found: None, total: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Listing<T>, A::Error> {
                let Record(Fields { items, users, not_found, total }) =
                    Record::deserialize(MapAccessDeserializer::new(fields))?;
                let items = items.or(users).ok_or_else(|| A::Error::missing_field("items"))?;
                Ok(Listing { items: items.into_iter().flatten().collect(), not_found, total })
            }
        }

        deserializer.deserialize_any(Items(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_three_shapes() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (json, expected) in [
            (r#"["a", "b"]"#, Some((vec!["a", "b"], None, None))),
            (r#"[null, "a", null]"#, Some((vec!["a"], None, None))),
            (r#"{"items": [null]}"#, Some((vec![], None, None))),
            (r#"[]"#, Some((vec![], None, None))),
            (r#"{"items": ["a"], "total": 7}"#, Some((vec!["a"], None, Some(7)))),
            (r#"{"users": ["a"], "not_found": ["b"]}"#, Some((vec!["a"], Some(names(&["b"])), None))),
            (r#"{"users": ["a"], "notFound": []}"#, Some((vec!["a"], Some(vec![]), None))),
            (r#"{"users": ["old"], "items": ["a"]}"#, Some((vec!["a"], None, None))),
            (r#"{"users": ["a"], "items": null}"#, Some((vec!["a"], None, None))),
            (r#"{"total": 7}"#, None),
            (r#"{}"#, None),
            (r#"{"items": {"a": 1}}"#, None),
            (r#""a""#, None),
            ("null", None),
        ] {
            let list = serde_json::from_str::<Listing<String>>(json).ok();
            let list = list.map(|list| (list.items, list.not_found, list.total));
            let expected = expected.map(|(items, not_found, total)| (names(&items), not_found, total));
            assert_eq!(list, expected, "{json}");
        }
    }

    #[test]
    fn end_of_credential_stands_beside_its_user() {
        for (json, expected) in [
            (r#"{"id": 7, "username": "alice", "expiresAt": 1}"#, Some(Some(Value::from(1)))),
            (r#"{"id": 7, "username": "alice", "expires_at": 1}"#, Some(Some(Value::from(1)))),
            (
                r#"{"id": 7, "username": "alice", "expires_at": 1, "expiresAt": 2}"#,
                Some(Some(Value::from(2))),
            ),
            (
                r#"{"id": 7, "username": "alice", "expires_at": 1, "expiresAt": null}"#,
                Some(Some(Value::Null)),
            ),
            (r#"{"id": 7, "username": "alice"}"#, Some(None)),
            (r#"{"username": "alice", "expiresAt": 1}"#, None),
            (r#"[7, "alice"]"#, None),
            ("null", None),
        ] {
            let read = UserOfCredential::read(serde_json::from_str(json).unwrap()).ok();
            assert!(read.iter().all(|read| read.user.username() == "alice"), "{json}");
            assert_eq!(read.map(|read| read.expires_at), expected, "{json}");
        }
    }
}
