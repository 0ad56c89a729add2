//! A user as the auth center writes them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::info::UserInfo;
use crate::types::spelling::Record;

impl Serialize for UserInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UserInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Record(fields) = Record::deserialize(deserializer)?;
        Ok(Self::from_parts(
            fields,
            None,
            false,
            false,
            None,
            None,
            #[cfg(feature = "jwt")]
            None,
        ))
    }
}
