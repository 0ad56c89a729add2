use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A user's id: a number or a string, kept apart (`7` is not `"7"`) and serialised as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UserId {
    /// A number.
    Int(i64),
    /// A string, such as a UUID.
    Str(Arc<str>),
}

impl UserId {
    /// The number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(id) => Some(*id),
            Self::Str(_) => None,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Int(_) => None,
            Self::Str(id) => Some(id),
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(id) => id.fmt(f),
            Self::Str(id) => id.fmt(f),
        }
    }
}

impl From<i64> for UserId {
    fn from(id: i64) -> Self {
        Self::Int(id)
    }
}

impl From<i32> for UserId {
    fn from(id: i32) -> Self {
        Self::Int(id.into())
    }
}

impl From<u32> for UserId {
    fn from(id: u32) -> Self {
        Self::Int(id.into())
    }
}

impl From<&str> for UserId {
    fn from(id: &str) -> Self {
        Self::Str(id.into())
    }
}

impl From<String> for UserId {
    fn from(id: String) -> Self {
        Self::Str(id.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_stay_apart() {
        for json in ["7", "-7", "\"7\"", "\"3f6c-uuid\"", "0", "9223372036854775807"] {
            let id: UserId = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
        }
        assert_ne!(UserId::from(7), UserId::from("7"));
        for json in ["null", "1.5", "true", "[]", "9223372036854775808"] {
            assert!(serde_json::from_str::<UserId>(json).is_err(), "{json}");
        }
    }
}
