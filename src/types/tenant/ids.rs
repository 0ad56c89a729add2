use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// Longest id that a header may have, in bytes.
pub(crate) const MAX_ID_LEN: usize = 128;

/// Whether an id is visible ASCII and not too long, as nearly all are: a header may have any such id.
pub(crate) fn is_plain(id: &[u8]) -> bool {
    // Without a branch for each byte.
    let is_visible = id.iter().fold(true, |visible, byte| visible & byte.is_ascii_graphic());
    is_visible && !id.is_empty() && id.len() <= MAX_ID_LEN
}

/// Declares an id that is a text, whatever its column is: headers carry nothing else. A number and its digits are one id.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(value_type = String))]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The number, for databases whose ids are numbers; `None` unless the text is one in its only spelling: not
            /// for `+7` or `07`.
            pub fn as_i64(&self) -> Option<i64> {
                self.0.parse::<i64>().ok().filter(|number| number.to_string() == *self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id.into())
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id.to_string().into())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Id {
                    Int(i64),
                    Str(Arc<str>),
                }
                Ok(match Id::deserialize(deserializer)? {
                    Id::Int(id) => id.into(),
                    Id::Str(id) => Self(id),
                })
            }
        }
    };
}

text_id! {
    /// An organisation's id: a text, in which a number and its digits are the same id. Cheap to clone.
    OrgId
}

text_id! {
    /// A team's id: a text, in which a number and its digits are the same id. Cheap to clone.
    TeamId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_its_digits_are_one_id() {
        assert_eq!(OrgId::from(7), OrgId::from("7"));
        for (json, text) in [("7", "7"), ("\"7\"", "7"), ("\"acme\"", "acme"), ("-1", "-1")] {
            let id: OrgId = serde_json::from_str(json).unwrap();
            assert_eq!((id.as_str(), serde_json::to_value(&id).unwrap()), (text, text.into()), "{json}");
        }
        for json in ["null", "1.5", "true", "[]", "{}"] {
            assert!(serde_json::from_str::<TeamId>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn only_one_spelling_is_a_number() {
        for (text, number) in [
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("07", None),
            ("+7", None),
            ("-0", None),
            (" 7", None),
            ("", None),
            ("acme", None),
        ] {
            assert_eq!(TeamId::from(text).as_i64(), number, "{text}");
        }
    }
}
