//! The shapes that the `data` of a response may have.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::types::spelling::Record;

/// A shape of `data`. Not implemented for other types, so that no call reads one spelling alone, or takes an array for a
/// record.
pub(crate) trait ReadData: DeserializeOwned {}

impl<T: DeserializeOwned> ReadData for Record<T> {}
/// `null` stands for no record.
impl<T: DeserializeOwned> ReadData for Option<Record<T>> {}
impl<T: DeserializeOwned> ReadData for Listing<T> {}
/// A record that is passed on as it came.
impl ReadData for Map<String, Value> {}
impl ReadData for IgnoredAny {}

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
}
