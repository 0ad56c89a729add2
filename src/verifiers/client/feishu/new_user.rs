use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::types::error::{AuthError, ErrorKind};
use crate::types::present::present;
use crate::types::user::FeishuIds;
use crate::upstream::api_client::Call;
use crate::verifiers::client::client::AuthClient;

/// A user of Feishu for whom the auth center is to have an account; see [`AuthClient::sync_feishu_user`].
///
/// ```
/// use aigc_auth::client::NewFeishuUser;
/// use aigc_auth::user::FeishuIds;
///
/// let user = NewFeishuUser::new().ids(&FeishuIds::new().with_open_id("ou_84aad3")).nickname("爱丽丝");
/// ```
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct NewFeishuUser {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<String>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    feishu_user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feishu_open_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feishu_union_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feishu_tenant_key: Option<String>,
}

impl Default for NewFeishuUser {
    fn default() -> Self {
        Self {
            username: None,
            nickname: None,
            department: None,
            company: None,
            email: None,
            phone: None,
            avatar: None,
            status: "active".to_owned(),
            feishu_user_id: None,
            feishu_open_id: None,
            feishu_union_id: None,
            feishu_tenant_key: None,
        }
    }
}

/// Without values, which are personal data.
impl fmt::Debug for NewFeishuUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = present([
            ("username", self.username.is_some()),
            ("nickname", self.nickname.is_some()),
            ("department", self.department.is_some()),
            ("company", self.company.is_some()),
            ("email", self.email.is_some()),
            ("phone", self.phone.is_some()),
            ("avatar", self.avatar.is_some()),
            ("feishu_user_id", self.feishu_user_id.is_some()),
            ("feishu_open_id", self.feishu_open_id.is_some()),
            ("feishu_union_id", self.feishu_union_id.is_some()),
            ("feishu_tenant_key", self.feishu_tenant_key.is_some()),
        ]);
        f.debug_struct("NewFeishuUser")
            .field("status", &self.status)
            .field("fields", &fields)
            .finish_non_exhaustive()
    }
}

macro_rules! text_setters {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub fn $field(mut self, $field: impl Into<String>) -> Self {
            self.$field = Some($field.into());
            self
        }
    )+};
}

impl NewFeishuUser {
    /// Describes a user. They need a username, a user id, an open id or a union id.
    pub fn new() -> Self {
        Self::default()
    }

    text_setters! {
        /// Sets the login name at the auth center. Defaults to none: the auth center chooses one.
        username,
        /// Sets the display name.
        nickname,
        /// Sets the department.
        department,
        /// Sets the company.
        company,
        /// Sets the e-mail address.
        email,
        /// Sets the phone number.
        phone,
        /// Sets the URL of a picture.
        avatar,
    }

    /// Sets the account's status. Defaults to `active`.
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = status.into();
        self
    }

    /// Sets the ids at Feishu, replacing those set before.
    pub fn ids(mut self, ids: &FeishuIds) -> Self {
        let text = |id: Option<&str>| id.map(str::to_owned);
        self.feishu_user_id = text(ids.user_id());
        self.feishu_open_id = text(ids.open_id());
        self.feishu_union_id = text(ids.union_id());
        self.feishu_tenant_key = text(ids.tenant_key());
        self
    }

    fn names_a_user(&self) -> bool {
        let names = [&self.username, &self.feishu_user_id, &self.feishu_open_id, &self.feishu_union_id];
        names.into_iter().flatten().any(|name| !name.trim().is_empty())
    }
}

impl AuthClient {
    /// Creates an account at the auth center for a user of Feishu, or finds the one that they have, of which nothing is
    /// overwritten.
    /// Since SDK 1.1.61. Returns the account's fields as the auth center sends them; the protocol does not define them.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) without a username, user id, open id and union id, before anything is
    /// sent; [`Rejected`](ErrorKind::Rejected) or [`Unavailable`](ErrorKind::Unavailable).
    pub async fn sync_feishu_user(&self, user: &NewFeishuUser) -> Result<Map<String, Value>, AuthError> {
        if !user.names_a_user() {
            return Err(AuthError::new(ErrorKind::InvalidRequest).with_detail(
                "expected a username, or a user id, open id or union id of Feishu; found none",
            ));
        }
        let call = Call::new("/feishu/identity/users/sync", user);
        self.inner.core.api.call(call).await
    }
}
