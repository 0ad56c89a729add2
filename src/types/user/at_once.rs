//! Read a user in one pass over the bytes of an answer.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::fields::Wire;
use super::info::UserInfo;

/// A user, and when their credential ends, if the answer says so. An object that has a name twice or in both spellings is an
/// error here, which [`UserInfo`] reads.
pub(crate) struct UserAtOnce {
    pub(crate) user: UserInfo,
    pub(crate) expires_at: Option<Value>,
}

impl<'de> Deserialize<'de> for UserAtOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = UserAtOnce;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<UserAtOnce, A::Error> {
                let mut wire = Wire::deserialize(MapAccessDeserializer::new(members))?;
                let expires_at = wire.expires_at.take();
                Ok(UserAtOnce { user: UserInfo::of_fields(wire.into()), expires_at })
            }
        }

        // Not as the struct, for which an array of its fields would do.
        deserializer.deserialize_map(Object)
    }
}
