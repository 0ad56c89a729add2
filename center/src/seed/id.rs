use std::fmt;

use aigc_auth::UserId;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A user's id: a number, or a text that is not empty.
#[derive(Clone, Debug)]
pub(crate) struct Id(pub(crate) UserId);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ids;

        impl Visitor<'_> for Ids {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: a whole number of at most 19 digits, or a text")
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<Id, E> {
                Ok(Id(id.into()))
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
                let number =
                    i64::try_from(id).map_err(|_| E::invalid_value(Unexpected::Unsigned(id), &self))?;
                self.visit_i64(number)
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<Id, E> {
                if id.is_empty() {
                    return Err(E::invalid_value(Unexpected::Str(id), &self));
                }
                Ok(Id(id.into()))
            }
        }

        deserializer.deserialize_any(Ids)
    }
}
