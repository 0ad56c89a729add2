use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::user::FeishuUser;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::secret::Secret;
use crate::types::spelling::Record;
use crate::upstream::api_client::Call;
use crate::upstream::expiry;
use crate::verifiers::client::client::AuthClient;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest time that a token of [`AuthClient::issue_feishu_user_token`] may be valid.
const MAX_EXPIRES_IN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The auth center's code for a user without an account there.
const UNKNOWN_USER: i64 = 40_401;

/// A token to issue, with [`AuthClient::issue_feishu_user_token`].
///
/// ```
/// use aigc_auth::client::{FeishuTokenRequest, FeishuUser};
/// use std::time::Duration;
///
/// let request = FeishuTokenRequest::new(FeishuUser::open_id("ou_84aad3")).expires_in(Duration::from_secs(3600));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct FeishuTokenRequest {
    user: FeishuUser,
    tenant_key: Option<String>,
    expires_in: Duration,
}

impl FeishuTokenRequest {
    /// Requests a token for this user.
    pub fn new(user: FeishuUser) -> Self {
        Self { user, tenant_key: None, expires_in: DAY }
    }

    /// Sets the key of the user's tenant, where ids of several tenants may be the same. Defaults to none.
    pub fn tenant_key(mut self, key: impl Into<String>) -> Self {
        self.tenant_key = Some(key.into());
        self
    }

    /// Sets how long the token is valid, in whole seconds from 1 s to 7 days. Defaults to one day.
    pub fn expires_in(mut self, expires_in: Duration) -> Self {
        self.expires_in = expires_in;
        self
    }
}

/// A token that was issued by [`AuthClient::issue_feishu_user_token`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FeishuUserToken {
    /// The token.
    pub access_token: Secret,
    /// When the token expires. A date without a time zone is taken as UTC.
    pub expires_at: Option<SystemTime>,
}

impl AuthClient {
    /// Issues a token for a user of Feishu who has an account at the auth center. Since SDK 1.1.61. Not retried if the first
    /// attempt may have arrived.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// use aigc_auth::client::{FeishuTokenRequest, FeishuUser, NewFeishuUser};
    /// use aigc_auth::error::ErrorKind;
    /// use aigc_auth::user::FeishuIds;
    ///
    /// let request = FeishuTokenRequest::new(FeishuUser::open_id("ou_84aad3"));
    /// let token = match client.issue_feishu_user_token(&request).await {
    ///     Err(error) if error.kind() == ErrorKind::UnknownUser => {
    ///         let ids = FeishuIds::new().with_open_id("ou_84aad3");
    ///         client.sync_feishu_user(&NewFeishuUser::new().ids(&ids)).await?;
    ///         client.issue_feishu_user_token(&request).await?
    ///     }
    ///     token => token?,
    /// };
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for an empty id and for a time outside 1 s to 7 days, before anything is
    /// sent; [`UnknownUser`](ErrorKind::UnknownUser) (code 40401) for a user without an account:
    /// [`sync_feishu_user`](AuthClient::sync_feishu_user) creates it; [`Rejected`](ErrorKind::Rejected) or
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub async fn issue_feishu_user_token(
        &self,
        request: &FeishuTokenRequest,
    ) -> Result<FeishuUserToken, AuthError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            access_token: String,
            #[serde(default)]
            expires_at: Option<Value>,
        }

        request.user.check()?;
        if request.expires_in < Duration::from_secs(1) || request.expires_in > MAX_EXPIRES_IN {
            return Err(AuthError::new(ErrorKind::InvalidRequest).with_detail(format!(
                "expected a token's time from 1 s to 7 days, found {:?}",
                request.expires_in
            )));
        }
        let (name, value) = request.user.field();
        let mut body = Map::from_iter([
            (name.to_owned(), value),
            ("expiresIn".to_owned(), json!(request.expires_in.as_secs())),
        ]);
        if let Some(key) = &request.tenant_key {
            body.insert("feishuTenantKey".to_owned(), json!(key));
        }
        let call = Call::new("/feishu/identity/users/token", &body).not_idempotent();
        let Record(data): Record<Data> = self.inner.core.api.call(call).await.map_err(|error| {
            if error.kind() == ErrorKind::Rejected && error.code() == UNKNOWN_USER {
                return error.reclassified(&AuthError::new(ErrorKind::UnknownUser));
            }
            error
        })?;
        Ok(FeishuUserToken {
            access_token: data.access_token.into(),
            expires_at: data.expires_at.as_ref().and_then(expiry::parse),
        })
    }
}
