use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A name or a code: a text that is not empty, without white space at its ends, on one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl Visitor<'_> for Texts {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a text such as \"report:read\", not empty, without spaces at its ends and without control characters",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                // Without the text: it may be a secret.
                if text.is_empty() {
                    return Err(E::invalid_value(Unexpected::Str(text), &self));
                }
                if text.trim() != text {
                    return Err(E::invalid_value(Unexpected::Other("spaces at its ends"), &self));
                }
                if text.contains(char::is_control) {
                    return Err(E::invalid_value(Unexpected::Other("control characters"), &self));
                }
                Ok(Text(text.to_owned()))
            }
        }

        deserializer.deserialize_str(Texts)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
