//! Call the auth center about tokens, permissions and webhook subscriptions.

use std::collections::HashMap;
use std::fmt;
use std::time::SystemTime;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::AuthClient;
use super::verdict::verdict;
use crate::types::credential::{BearerToken, Credential};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::secret::Secret;
use crate::types::spelling::Record;
use crate::types::user::UserId;
use crate::types::webhook_secret;
use crate::upstream::api_client::Call;
use crate::upstream::expiry;
use crate::upstream::identity_cache::Kind;

/// The id of a webhook subscription at the auth center.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookId(UserId);

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The auth center's answer about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenStatus {
    /// Whether the token is valid. The other fields are only set if so.
    pub valid: bool,
    /// The user's id.
    pub user_id: Option<UserId>,
    /// The user's login name.
    pub username: Option<String>,
    /// When the token expires. A date without a time zone is taken as UTC.
    pub expires_at: Option<SystemTime>,
}

impl AuthClient {
    /// Verifies a token at the auth center, bypassing the cache. For its user, from the cache, see
    /// [`AuthClient::user_info`].
    ///
    /// The answer updates the cache: an invalid token is invalidated, and a valid one is cached no longer than it says.
    ///
    /// # Errors
    /// As [`AuthClient::user_info`], except that an invalid token is not an error: `valid` is then false.
    pub async fn verify_token(&self, token: &str) -> Result<TokenStatus, AuthError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            valid: bool,
            #[serde(default)]
            user_id: Option<UserId>,
            #[serde(default)]
            username: Option<String>,
            #[serde(default)]
            expires_at: Option<Value>,
        }

        let token = BearerToken::new(token)?;
        let core = &self.inner.core;
        let key = core.cache.key(Kind::Token, token.as_bytes());
        let body = json!({ "token": token.as_str() });
        let call = Call::new("/token/verify", &body).secret(token.as_str()).about(core.subject(key));
        let data = core.api.call(call).await;
        let invalid = TokenStatus { valid: false, user_id: None, username: None, expires_at: None };
        let status = match data {
            Ok(Record(Data { valid: true, user_id, username, expires_at })) => {
                let expires_at = expires_at.as_ref().and_then(expiry::parse);
                TokenStatus { valid: true, user_id, username, expires_at }
            }
            Ok(Record(Data { valid: false, .. })) => invalid,
            Err(error) => match verdict(error, &Credential::Bearer(token)) {
                error if error.kind() == ErrorKind::InvalidCredential => invalid,
                error => return Err(error),
            },
        };
        match status.expires_at {
            _ if !status.valid => self.inner.lookups.invalidate_key(key),
            Some(limit) => core.cache.limit(key, limit),
            None => {}
        }
        Ok(status)
    }

    /// Checks at the auth center which of these permissions the token's user has, bypassing the cache.
    ///
    /// Codes that are missing in the answer count as not granted. For the cached permissions, see
    /// [`UserInfo::has_permission`](crate::UserInfo::has_permission).
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// let granted = client.check_permissions("eyJhbGciOi…", ["user:read", "user:write"]).await?;
    /// if granted["user:write"] { /* … */ }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`AuthClient::user_info`].
    pub async fn check_permissions<C: AsRef<str>>(
        &self,
        token: &str,
        codes: impl IntoIterator<Item = C>,
    ) -> Result<HashMap<String, bool>, AuthError> {
        #[derive(Deserialize)]
        struct Data {
            results: HashMap<String, bool>,
        }

        let token = BearerToken::new(token)?;
        let codes: Vec<String> = codes.into_iter().map(|code| code.as_ref().to_owned()).collect();
        let body = json!({ "token": token.as_str(), "permissionCodes": &codes });
        let core = &self.inner.core;
        let subject = core.subject_of(&token);
        let call = Call::new("/permission/check", &body).secret(token.as_str()).about(subject);
        let answer = core.api.call(call).await;
        let Record(Data { mut results }) =
            answer.map_err(|error| verdict(error, &Credential::Bearer(token.clone())))?;
        Ok(codes
            .into_iter()
            .map(|code| {
                let granted = results.remove(&code).unwrap_or_default();
                (code, granted)
            })
            .collect())
    }

    /// Subscribes a URL of this service to events (such as `user.updated`), which are signed with this secret. Returns
    /// the id for [`AuthClient::unregister_webhook`]. Not retried if the first attempt may have arrived.
    ///
    /// # Errors
    /// [`Rejected`](ErrorKind::Rejected) or [`Unavailable`](ErrorKind::Unavailable). [`Misconfigured`](ErrorKind::Misconfigured),
    /// without a call, for a secret that no endpoint of this crate takes: shorter than 16 bytes, with white space at an end, or
    /// not base64 after `whsec_`.
    pub async fn register_webhook<E: AsRef<str>>(
        &self,
        url: &str,
        events: impl IntoIterator<Item = E>,
        secret: &Secret,
    ) -> Result<WebhookId, AuthError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            webhook_id: WebhookId,
            #[serde(default)]
            success: Option<bool>,
        }

        webhook_secret::standard_key(secret)
            .map_err(|error| AuthError::new(ErrorKind::Misconfigured).with_detail(error.to_string()))?;
        let events: Vec<String> = events.into_iter().map(|event| event.as_ref().to_owned()).collect();
        let body = json!({ "url": url, "events": events, "secret": secret.expose() });
        let call = Call::new("/webhook/register", &body).not_idempotent().secret(secret.expose());
        match self.inner.core.api.call(call).await? {
            Record(Data { success: Some(false), .. }) => Err(AuthError::new(ErrorKind::Rejected)
                .with_detail("POST /webhook/register: the auth center answered `success: false`")),
            Record(Data { webhook_id, .. }) => Ok(webhook_id),
        }
    }

    /// Ends a subscription.
    ///
    /// # Errors
    /// [`Rejected`](ErrorKind::Rejected) or [`Unavailable`](ErrorKind::Unavailable).
    pub async fn unregister_webhook(&self, webhook_id: &WebhookId) -> Result<(), AuthError> {
        let body = json!({ "webhookId": webhook_id });
        let call = Call::new("/webhook/unregister", &body);
        self.inner.core.api.call::<_, IgnoredAny>(call).await.map(drop)
    }
}
