use serde_json::{Value, json};

use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserId;

/// Names a user who has an account at Feishu, by any of their ids.
///
/// ```
/// use aigc_auth::client::FeishuUser;
///
/// let alice = FeishuUser::open_id("ou_84aad3");
/// assert_ne!(alice, FeishuUser::username("alice"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeishuUser {
    by: By,
    value: UserId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum By {
    Id,
    Username,
    FeishuUserId,
    OpenId,
    UnionId,
}

impl FeishuUser {
    /// Names a user by their id at the auth center.
    pub fn id(id: impl Into<UserId>) -> Self {
        Self { by: By::Id, value: id.into() }
    }

    /// Names a user by their login name at the auth center.
    pub fn username(username: impl Into<String>) -> Self {
        Self { by: By::Username, value: username.into().into() }
    }

    /// Names a user by their user id at Feishu.
    pub fn feishu_user_id(id: impl Into<String>) -> Self {
        Self { by: By::FeishuUserId, value: id.into().into() }
    }

    /// Names a user by their open id at Feishu, such as `ou_…`.
    pub fn open_id(id: impl Into<String>) -> Self {
        Self { by: By::OpenId, value: id.into().into() }
    }

    /// Names a user by their union id at Feishu, such as `on_…`.
    pub fn union_id(id: impl Into<String>) -> Self {
        Self { by: By::UnionId, value: id.into().into() }
    }

    /// Returns the type of a message's recipient, and the recipient.
    pub(super) fn recipient(&self) -> (&'static str, Value) {
        let of_type = match self.by {
            By::Id => "auth_user_id",
            By::Username => "username",
            By::FeishuUserId => "feishu_user_id",
            By::OpenId => "feishu_open_id",
            By::UnionId => "feishu_union_id",
        };
        (of_type, json!(self.value))
    }

    /// Returns the field that names a user, and its value.
    pub(super) fn field(&self) -> (&'static str, Value) {
        let name = match self.by {
            By::Id => "userId",
            By::Username => "username",
            By::FeishuUserId => "feishuUserId",
            By::OpenId => "feishuOpenId",
            By::UnionId => "feishuUnionId",
        };
        (name, json!(self.value))
    }

    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for an empty id or name, and for an id below 1, such as that of an app's access key.
    pub(super) fn check(&self) -> Result<(), AuthError> {
        let names_nobody = match &self.value {
            UserId::Int(id) => *id < 1,
            UserId::Str(text) => text.trim().is_empty(),
        };
        if names_nobody {
            return Err(AuthError::new(ErrorKind::InvalidRequest).with_detail(
                "expected a user's id, a number from 1 or a text, or a name; found 0, less, or an empty text",
            ));
        }
        Ok(())
    }
}
