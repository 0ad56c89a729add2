//! Read records whose fields are spelled in camelCase or in snake_case.
//!
//! Auth centers of different age spell the same field differently. The camelCase spelling decides as soon as it is there,
//! even with `null`, as in the reference client 1.1.62. Only the fields of the record itself are renamed: what is nested
//! may be keyed by codes or by names of the user's own.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Deserializes `T`, whose fields are named in camelCase, from an object in either spelling. Refuses a JSON array, which a
/// derived `Deserialize` would take for the fields in their order; only binary formats write records so.
#[derive(Default)]
pub(crate) struct Record<T>(pub(crate) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Record<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T> {
            is_binary: bool,
            record: PhantomData<T>,
        }

        impl<'de, T: DeserializeOwned> Visitor<'de> for Object<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<T, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = entries.next_entry::<String, Value>()? {
                    if fields.insert(name, value).is_some() {
                        return Err(A::Error::custom("duplicate field"));
                    }
                }
                record(fields).map_err(A::Error::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
                if self.is_binary {
                    T::deserialize(SeqAccessDeserializer::new(fields))
                } else {
                    Err(A::Error::invalid_type(Unexpected::Seq, &self))
                }
            }
        }

        let is_binary = !deserializer.is_human_readable();
        deserializer.deserialize_any(Object { is_binary, record: PhantomData }).map(Self)
    }
}

/// Deserializes `T` from the fields of an object in either spelling, as [`Record`] does. Takes them as they are, where a
/// [`Record`] of a [`Value`] builds them anew.
pub(crate) fn record<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, serde_json::Error> {
    T::deserialize(Value::Object(camel_case(fields)))
}

/// Takes the value of a field out of an object, by its name in camelCase.
#[cfg(feature = "client")]
pub(crate) fn take(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let old = fields.remove(&to_snake_case(name));
    fields.remove(name).or(old)
}

/// Renames the fields to camelCase.
fn camel_case(fields: Map<String, Value>) -> Map<String, Value> {
    if !fields.keys().any(|name| is_snake_case(name)) {
        return fields;
    }
    let (old, mut fields): (Map<_, _>, Map<_, _>) =
        fields.into_iter().partition(|(name, _)| is_snake_case(name));
    for (name, value) in old {
        fields.entry(to_camel_case(&name)).or_insert(value);
    }
    fields
}

/// Returns the value of a field, by its name in camelCase.
#[cfg(feature = "webhook")]
pub(crate) fn get<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).or_else(|| fields.get(&to_snake_case(name)))
}

/// Adds the other spelling of each field, so that code of the user's own finds it by either.
#[cfg(feature = "user-sync")]
pub(crate) fn with_both(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut both = fields.clone();
    for (name, value) in fields {
        if is_snake_case(name) {
            both.entry(to_camel_case(name)).or_insert_with(|| value.clone());
        } else if name.contains(|letter: char| letter.is_ascii_uppercase()) {
            both.insert(to_snake_case(name), value.clone());
        }
    }
    both
}

/// Whether a name is the snake_case spelling of one in camelCase: `is_admin`, and neither `is__admin` nor `is_Admin`, which
/// are names of their own.
fn is_snake_case(name: &str) -> bool {
    name.contains('_') && to_snake_case(&to_camel_case(name)) == name
}

/// Whether both are spellings of one name.
#[cfg(feature = "user-sync")]
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    let camel = |name: &str| if is_snake_case(name) { to_camel_case(name) } else { name.to_owned() };
    camel(a) == camel(b)
}

fn to_camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

fn to_snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Implements `Deserialize` from either spelling, for a type with `#[serde(remote = "Self")]` and names in camelCase.
#[cfg(feature = "client")]
macro_rules! deserialize_either_spelling {
    ($type:ident) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                /// As derived, for names in camelCase alone.
                struct CamelCase($type);

                impl<'de> serde::Deserialize<'de> for CamelCase {
                    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        $type::deserialize(deserializer).map(Self)
                    }
                }

                $crate::types::spelling::Record::deserialize(deserializer)
                    .map(|$crate::types::spelling::Record(CamelCase(record))| record)
            }
        }
    };
}

#[cfg(feature = "client")]
pub(crate) use deserialize_either_spelling;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Key {
        key_type: Option<String>,
        #[serde(default)]
        limits: Map<String, Value>,
    }

    #[test]
    fn camel_case_decides_as_soon_as_it_is_there() {
        for (json, expected) in [
            (r#"{"keyType": "user"}"#, Ok(Some("user"))),
            (r#"{"key_type": "user"}"#, Ok(Some("user"))),
            (r#"{"key_type": "global", "keyType": "user"}"#, Ok(Some("user"))),
            (r#"{"keyType": "user", "key_type": "global"}"#, Ok(Some("user"))),
            (r#"{"keyType": null, "key_type": "global"}"#, Ok(None)),
            (r#"{"keyType": "user", "key_type": 7}"#, Ok(Some("user"))),
            (
                r#"{"key__type": "a", "key_Type": "b", "_keyType": "c", "key_type_": "d", "keytype": "e"}"#,
                Ok(None),
            ),
            (r#"{"key_type": "user", "key__type": "a", "key_Type": "b"}"#, Ok(Some("user"))),
            (r#"{"keyType": "user", "keyType": "global"}"#, Err("duplicate field at line 1 column 40")),
            (r#"{}"#, Ok(None)),
            (
                r#"{"keyType": 7, "key_type": "user"}"#,
                Err("invalid type: integer `7`, expected a string at line 1 column 34"),
            ),
            (r#"["user"]"#, Err("invalid type: sequence, expected an object at line 1 column 1")),
            (r#""user""#, Err("invalid type: string \"user\", expected an object at line 1 column 6")),
            ("null", Err("invalid type: null, expected an object at line 1 column 4")),
        ] {
            let key = serde_json::from_str::<Record<Key>>(json).map(|Record(key)| key.key_type);
            let expected = expected.map(|text| text.map(str::to_owned)).map_err(str::to_owned);
            assert_eq!(key.map_err(|error| error.to_string()), expected, "{json}");
        }
    }

    #[test]
    fn nested_names_are_kept() {
        let limits = json!({"per_day": 1, "perDay": 2});
        let json = json!({"key_type": "user", "limits": limits}).to_string();
        let Record(key) = serde_json::from_str::<Record<Key>>(&json).unwrap();
        assert_eq!(Value::Object(key.limits), limits);
    }

    #[test]
    #[cfg(all(feature = "webhook", feature = "user-sync"))]
    fn fields_are_found_by_either_spelling() {
        let fields =
            json!({"is_admin": true, "isAdmin": null, "feishu_open_id": "ou", "updatedFields": [], "id": 7});
        let Value::Object(fields) = fields else { unreachable!() };
        assert_eq!(get(&fields, "isAdmin"), Some(&Value::Null));
        assert_eq!(get(&fields, "feishuOpenId"), Some(&json!("ou")));
        assert_eq!(get(&fields, "keyType"), None);
        assert_eq!(
            Value::Object(with_both(&fields)),
            json!({
                "isAdmin": null, "is_admin": null, "feishu_open_id": "ou", "feishuOpenId": "ou", "updatedFields": [],
                "updated_fields": [], "id": 7,
            })
        );
    }
}
