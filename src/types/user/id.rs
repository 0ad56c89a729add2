use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::types::error::{AuthError, ErrorKind};

/// A user's id: a number or a string, kept apart (`7` is not `"7"`) and serialized as it came.
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
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(id) => Some(*id),
            Self::Str(_) => None,
        }
    }

    /// The number, for databases whose ids are numbers.
    ///
    /// ```
    /// use aigc_auth::{AuthError, CurrentUser};
    ///
    /// async fn orders(user: CurrentUser) -> Result<String, AuthError> {
    ///     let id: i64 = user.id().try_i64()?;
    ///     Ok(format!("SELECT * FROM orders WHERE user_id = {id}"))
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Misconfigured`](crate::error::ErrorKind::Misconfigured), answered 500, if the auth center's ids are strings.
    pub fn try_i64(&self) -> Result<i64, AuthError> {
        self.as_i64().ok_or_else(|| {
            AuthError::new(ErrorKind::Misconfigured)
                .with_detail("expected a number as user id, found a string: use `UserId::as_str`")
        })
    }

    /// Whether both are the same id; most cheaply for clones of one.
    #[inline]
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(id), Self::Int(other)) => id == other,
            (Self::Str(id), Self::Str(other)) => Arc::ptr_eq(id, other) || id == other,
            _ => false,
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

impl PartialEq<i64> for UserId {
    fn eq(&self, other: &i64) -> bool {
        self.as_i64() == Some(*other)
    }
}

impl PartialEq<str> for UserId {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
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
            let copy: UserId = serde_json::from_str(json).unwrap();
            assert!(id.is(&id.clone()) && id.is(&copy) && !id.is(&UserId::from(8)) && !id.is(&"8".into()));
        }
        assert_ne!(UserId::from(7), UserId::from("7"));
        assert!(!UserId::from(7).is(&"7".into()) && !UserId::from("7").is(&7.into()));
        let number = UserId::from(7);
        assert!(number == 7 && number != *"7");
        let text = UserId::from("7");
        assert!(text == *"7" && text != 7);
        assert_eq!(UserId::from(7).try_i64().ok(), Some(7));
        assert_eq!(UserId::from("7").try_i64().map_err(|error| error.status().as_u16()), Err(500));
        for json in ["null", "1.5", "true", "[]", "9223372036854775808"] {
            assert!(serde_json::from_str::<UserId>(json).is_err(), "{json}");
        }
    }
}
