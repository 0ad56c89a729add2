//! Verify access keys, and map them to users.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::client::AuthClient;
use super::core::Core;
use super::verdict::{UNCLEAR_PAUSE, verdict};
use crate::types::credential::{AccessKey, Credential};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::present::present;
use crate::types::spelling::{self, Record};
use crate::types::user::{AccessKeyKind, UserId, UserInfo, UserInfoBuilder};
use crate::upstream::api_client::{Call, CallError};
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::expiry;
use crate::upstream::identity_cache::Kind;
use crate::upstream::lookups::Fetched;

/// The auth center's answer about an access key. `Debug` shows what is said of the key, and of its user the id and whether the
/// other fields are there.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
#[non_exhaustive]
pub struct AccessKeyInfo {
    /// Whether the key is valid. The other fields are only set if so.
    pub valid: bool,
    /// The key's type: `user`, `app` or `global`.
    #[serde(default)]
    pub key_type: Option<String>,
    /// The key's id.
    #[serde(default)]
    pub key_id: Option<UserId>,
    /// The key's name.
    #[serde(default)]
    pub key_name: Option<String>,
    /// The app that the key belongs to, as text. The auth center sends a number or a string.
    #[serde(default, deserialize_with = "number_or_string")]
    pub app_id: Option<String>,
    /// The user that the key belongs to.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// The user's login name.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's display name.
    #[serde(default)]
    pub nickname: Option<String>,
    /// The user's e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The user's phone number.
    #[serde(default)]
    pub phone: Option<String>,
    /// The URL of the user's picture.
    #[serde(default)]
    pub avatar: Option<String>,
    /// Whether the user is an admin.
    #[serde(default)]
    pub is_admin: Option<bool>,
    /// The status of the user's account, such as `active`.
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    expires_at: Option<Value>,
}

spelling::deserialize_either_spelling!(AccessKeyInfo);

impl fmt::Debug for AccessKeyInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = present([
            ("username", self.username.is_some()),
            ("nickname", self.nickname.is_some()),
            ("email", self.email.is_some()),
            ("phone", self.phone.is_some()),
            ("avatar", self.avatar.is_some()),
        ]);
        f.debug_struct("AccessKeyInfo")
            .field("valid", &self.valid)
            .field("key_type", &self.key_type)
            .field("key_id", &self.key_id)
            .field("key_name", &self.key_name)
            .field("app_id", &self.app_id)
            .field("user_id", &self.user_id)
            .field("is_admin", &self.is_admin)
            .field("status", &self.status)
            .field("expires_at", &self.expires_at)
            .field("fields", &fields)
            .finish_non_exhaustive()
    }
}

fn number_or_string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<UserId>::deserialize(deserializer)?.map(|id| id.to_string()))
}

impl AuthClient {
    /// Verifies an access key at the auth center, bypassing the cache. For its user, from the cache, see
    /// [`AuthClient::access_key_user`]. Its circuit breaker is that of lookups.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if the key could not be verified, [`Denied`](ErrorKind::Denied) for the
    /// code 403. An unknown key is not an error: `valid` is then false.
    pub async fn verify_access_key(&self, key: &str) -> Result<AccessKeyInfo, AuthError> {
        let key = AccessKey::new(key)?;
        let core = &self.inner.core;
        let subject = core.subject(core.cache.key(Kind::AccessKey, key.as_bytes()));
        let info = call(core, key.as_str(), subject).await;
        info.map_err(|failed| verdict(failed.error, &Credential::AccessKey(key)))
    }
}

async fn call(core: &Core, key: &str, subject: Subject) -> Result<AccessKeyInfo, CallError> {
    let body = serde_json::json!({ "accessKey": key });
    let call = Call::new("/access-key/verify", &body).secret(key).about(subject);
    core.api.lookup(call).await.map(|Record(info)| info)
}

pub(super) async fn fetch(core: &Core, key: &str, subject: Subject) -> Result<Fetched, CallError> {
    let info = call(core, key, subject).await?;
    let limit = info.expires_at.as_ref().and_then(expiry::parse);
    let user = identity(info, &core.app_id).map_err(|error| {
        let is_unclear = error.kind() == ErrorKind::Unavailable;
        CallError { pause: is_unclear.then_some(UNCLEAR_PAUSE), error }
    })?;
    Ok(Fetched { value: user, limit })
}

/// Maps a key to a user, as the reference client does.
fn identity(info: AccessKeyInfo, app_id: &str) -> Result<UserInfo, AuthError> {
    if !info.valid {
        return Err(AuthError::invalid_access_key());
    }
    let name = info.key_name.as_deref().unwrap_or_default();
    match info.key_type.as_deref() {
        Some("user") => {
            let (Some(id), Some(username)) = (info.user_id, info.username) else {
                return Err(AuthError::new(ErrorKind::Unavailable).with_detail(
                    "POST /access-key/verify: a key of type `user` came without `userId` or `username`",
                ));
            };
            type Set = fn(UserInfoBuilder, String) -> UserInfoBuilder;
            let texts: [(_, Set); 5] = [
                (info.nickname, UserInfoBuilder::nickname),
                (info.email, UserInfoBuilder::email),
                (info.phone, UserInfoBuilder::phone),
                (info.avatar, UserInfoBuilder::avatar),
                (info.status, UserInfoBuilder::status),
            ];
            let user = UserInfo::builder(id, username).admin(info.is_admin).access_key(AccessKeyKind::User);
            let user = texts.into_iter().fold(user, |user, (text, set)| match text {
                Some(text) => set(user, text),
                None => user,
            });
            Ok(user.build())
        }
        Some("app") => match info.app_id {
            Some(of) if of == app_id => Ok(UserInfo::builder(0, format!("ak_app_{of}"))
                .nickname(format!("{name}(App:{of})"))
                .access_key(AccessKeyKind::App)
                .build()),
            _ => Err(AuthError::access_key_of_another_app()),
        },
        Some("global") => Ok(UserInfo::builder(0, "ak_global")
            .nickname(format!("{name}(Global)"))
            .admin(true)
            .access_key(AccessKeyKind::Global)
            .build()),
        _ => Err(AuthError::access_key_of_unknown_type()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_read_in_either_spelling() {
        for json in [
            json!({"valid": true, "keyType": "user", "userId": 7, "isAdmin": true}),
            json!({"valid": true, "key_type": "user", "user_id": 7, "is_admin": true}),
        ] {
            let info: AccessKeyInfo = serde_json::from_value(json).unwrap();
            assert_eq!(
                (info.key_type.as_deref(), info.user_id, info.is_admin),
                (Some("user"), Some(7.into()), Some(true))
            );
        }
    }

    #[test]
    fn access_keys_map_to_users() {
        let app = |id: &str| {
            UserInfo::builder(0, format!("ak_app_{id}"))
                .nickname(format!("ci(App:{id})"))
                .access_key(AccessKeyKind::App)
                .build()
        };
        for (answer, expected) in [
            (
                json!({"valid": true, "keyType": "user", "keyId": 3, "userId": 7, "username": "alice",
                       "nickname": "Alice", "email": "a@example.com", "isAdmin": true, "appId": null,
                       "phone": "138", "avatar": "https://a", "status": "active"}),
                Ok(UserInfo::builder(7, "alice")
                    .nickname("Alice")
                    .email("a@example.com")
                    .phone("138")
                    .avatar("https://a")
                    .status("active")
                    .admin(true)
                    .access_key(AccessKeyKind::User)
                    .build()),
            ),
            (
                json!({"valid": true, "key_type": "user", "user_id": 7, "username": "alice", "is_admin": false}),
                Ok(UserInfo::builder(7, "alice").access_key(AccessKeyKind::User).build()),
            ),
            (
                json!({"valid": true, "keyType": "user", "userId": 7, "username": "alice",
                       "isAdmin": null, "is_admin": true}),
                Ok(UserInfo::builder(7, "alice").admin(None).access_key(AccessKeyKind::User).build()),
            ),
            (json!({"valid": true, "keyType": null, "key_type": "global"}), Err(401)),
            (json!({"valid": true, "key_type": "app", "key_name": "ci", "app_id": 42}), Ok(app("42"))),
            (json!({"valid": true, "keyType": "app", "keyName": "ci", "appId": 42}), Ok(app("42"))),
            (json!({"valid": true, "keyType": "app", "keyName": "ci", "appId": "42"}), Ok(app("42"))),
            (json!({"valid": true, "keyType": "app", "keyName": "ci", "appId": 43}), Err(403)),
            (json!({"valid": true, "keyType": "app", "keyName": "ci"}), Err(403)),
            (
                json!({"valid": true, "keyType": "global", "keyName": "root", "isAdmin": false}),
                Ok(UserInfo::builder(0, "ak_global")
                    .nickname("root(Global)")
                    .admin(true)
                    .access_key(AccessKeyKind::Global)
                    .build()),
            ),
            (json!({"valid": true, "keyType": "robot"}), Err(401)),
            (json!({"valid": true}), Err(401)),
            (json!({"valid": false}), Err(401)),
            (json!({"valid": true, "keyType": "user", "userId": 7}), Err(-1)),
        ] {
            let Record(info) = serde_json::from_value(answer.clone()).unwrap();
            assert_eq!(identity(info, "42").map_err(|error| error.code()), expected, "{answer}");
        }
    }
}
