//! Access keys and the identities they stand for.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::lookup::Fetched;
use super::{AuthClient, Core, expiry, lookup};
use crate::credential::{AccessKey, Credential};
use crate::error::{AuthError, ErrorKind};
use crate::transport::Call;
use crate::user::{AccessKeyKind, UserId, UserInfo};

/// What the auth center says of an access key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AccessKeyInfo {
    /// Whether the key is accepted; the rest is there only if so.
    pub valid: bool,
    /// `user`, `app` or `global`, as the auth center has it.
    #[serde(default)]
    pub key_type: Option<String>,
    /// The key's id.
    #[serde(default)]
    pub key_id: Option<UserId>,
    /// The key's name.
    #[serde(default)]
    pub key_name: Option<String>,
    /// The app that the key belongs to, as text whether it comes as a number or a string.
    #[serde(default, deserialize_with = "number_or_string")]
    pub app_id: Option<String>,
    /// The user that the key belongs to.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// That user's log-in name.
    #[serde(default)]
    pub username: Option<String>,
    /// That user's name to show.
    #[serde(default)]
    pub nickname: Option<String>,
    /// That user's e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether that user is an admin.
    #[serde(default)]
    pub is_admin: Option<bool>,
    #[serde(default)]
    expires_at: Option<Value>,
}

fn number_or_string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<UserId>::deserialize(deserializer)?.map(|id| id.to_string()))
}

impl AuthClient {
    /// What the auth center says of an access key, asked for anew. For the user behind it, cached, see
    /// [`AuthClient::access_key_user`].
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if it could not be told, [`Denied`](ErrorKind::Denied) for the code 403;
    /// an unknown key is no error: `valid` is then false.
    pub async fn verify_access_key(&self, key: &str) -> Result<AccessKeyInfo, AuthError> {
        let key = AccessKey::new(key)?;
        let info = ask(&self.inner.core, key.as_str()).await;
        info.map_err(|error| lookup::verdict(error, &Credential::AccessKey(key)))
    }
}

async fn ask(core: &Core, key: &str) -> Result<AccessKeyInfo, AuthError> {
    let body = serde_json::json!({ "accessKey": key });
    core.transport.call(Call::new("/access-key/verify", &body).secret(key)).await
}

pub(super) async fn fetch(core: &Core, key: &str) -> Result<Fetched, AuthError> {
    let info = ask(core, key).await?;
    let limit = info.expires_at.as_ref().and_then(expiry::parse);
    Ok(Fetched { user: identity(info, &core.app_id)?, limit })
}

/// The user that a key stands for, as the reference client has it.
fn identity(info: AccessKeyInfo, app_id: &str) -> Result<UserInfo, AuthError> {
    if !info.valid {
        return Err(AuthError::invalid_access_key());
    }
    let name = info.key_name.as_deref().unwrap_or_default();
    match info.key_type.as_deref() {
        Some("user") => {
            let (Some(id), Some(username)) = (info.user_id, info.username) else {
                return Err(AuthError::new(ErrorKind::Unavailable)
                    .with_detail("POST /access-key/verify: a user's key came without its user"));
            };
            let mut user = UserInfo::builder(id, username)
                .admin(info.is_admin.unwrap_or_default())
                .access_key(AccessKeyKind::User);
            if let Some(nickname) = info.nickname {
                user = user.nickname(nickname);
            }
            if let Some(email) = info.email {
                user = user.email(email);
            }
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
    fn identities() {
        let app = |id: &str| {
            UserInfo::builder(0, format!("ak_app_{id}"))
                .nickname(format!("ci(App:{id})"))
                .access_key(AccessKeyKind::App)
                .build()
        };
        for (answer, expected) in [
            (
                json!({"valid": true, "keyType": "user", "keyId": 3, "userId": 7, "username": "alice",
                       "nickname": "Alice", "email": "a@example.com", "isAdmin": true, "appId": null}),
                Ok(UserInfo::builder(7, "alice")
                    .nickname("Alice")
                    .email("a@example.com")
                    .admin(true)
                    .access_key(AccessKeyKind::User)
                    .build()),
            ),
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
            let info = serde_json::from_value(answer.clone()).unwrap();
            assert_eq!(identity(info, "42").map_err(|error| error.code()), expected, "{answer}");
        }
    }
}
