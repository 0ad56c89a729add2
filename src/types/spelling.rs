//! Read records whose fields are spelled in camelCase or in snake_case.
//!
//! Auth centers of different age spell the same field differently. The camelCase spelling decides as soon as it is there,
//! even with `null`, as in the reference client 1.1.62. Only the fields of the record itself are renamed: what is nested
//! may be keyed by codes or by names of the user's own.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Deserializes `T`, whose fields are named in camelCase, from an object in either spelling. Refuses an array, which a
/// derived `Deserialize` would take for the fields in their order.
#[derive(Default)]
pub(crate) struct Record<T>(pub(crate) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Record<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Map<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                Map::deserialize(MapAccessDeserializer::new(fields))
            }
        }

        let fields = deserializer.deserialize_map(Object)?;
        T::deserialize(Value::Object(camel_case(fields))).map(Self).map_err(D::Error::custom)
    }
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

fn is_snake_case(name: &str) -> bool {
    name.contains('_')
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

#[cfg(any(feature = "webhook", feature = "user-sync"))]
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
            (r#"{}"#, Ok(None)),
            (r#"{"keyType": 7, "key_type": "user"}"#, Err("invalid type: integer `7`, expected a string")),
            (r#"["user"]"#, Err("invalid type: sequence, expected an object at line 1 column 0")),
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
