//! Create access keys.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::AuthClient;
use super::verdict::verdict;
use crate::types::credential::{BearerToken, Credential};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::lenient;
use crate::types::secret::Secret;
use crate::types::spelling::Record;
use crate::types::user::UserId;
use crate::upstream::api_client::Call;
use crate::upstream::expiry;

/// An access key to create, with [`AuthClient::create_access_key`].
///
/// ```
/// use aigc_auth::client::NewAccessKey;
///
/// let key = NewAccessKey::new().name("nightly export").description("runs on build-3");
/// ```
#[derive(Clone, Debug, Default, Serialize)]
#[must_use]
pub struct NewAccessKey {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
}

impl NewAccessKey {
    /// Describes a key without a name and a description.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name, without the white space around it. Defaults to none: the auth center chooses one.
    pub fn name(mut self, name: &str) -> Self {
        name.trim().clone_into(&mut self.name);
        self
    }

    /// Sets the description, without the white space around it. Defaults to none.
    pub fn description(mut self, description: &str) -> Self {
        description.trim().clone_into(&mut self.description);
        self
    }
}

/// An access key that was created by [`AuthClient::create_access_key`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedAccessKey {
    /// The key itself, such as `ak_…`. The auth center shows it only here: pass it to its user now.
    pub key: Secret,
    /// The id of the key.
    pub key_id: Option<UserId>,
    /// The first characters of the key, by which people recognize it.
    pub key_prefix: Option<String>,
    /// The type of the key: `user`.
    pub key_type: Option<String>,
    /// The user that the key belongs to.
    pub user_id: Option<UserId>,
    /// The name of the key.
    pub name: Option<String>,
    /// When the key was created. A date without a time zone is taken as UTC.
    pub created_at: Option<SystemTime>,
}

impl AuthClient {
    /// Creates an access key for the user of a token. Since SDK 1.1.62. Not retried if the first attempt may have arrived.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// use aigc_auth::client::NewAccessKey;
    ///
    /// let created = client.create_access_key("eyJhbGciOi…", &NewAccessKey::new().name("ci")).await?;
    /// println!("Keep it, it is shown only once: {}", created.key.expose());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`AuthClient::user_info`].
    pub async fn create_access_key(
        &self,
        token: &str,
        key: &NewAccessKey,
    ) -> Result<CreatedAccessKey, AuthError> {
        #[derive(Serialize)]
        struct Body<'a> {
            token: &'a str,
            #[serde(flatten)]
            key: &'a NewAccessKey,
        }

        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            key: String,
            // The key is shown once: nothing beside it may lose it.
            #[serde(default, deserialize_with = "lenient::optional")]
            key_id: Option<UserId>,
            #[serde(default, deserialize_with = "lenient::optional")]
            key_prefix: Option<String>,
            #[serde(default, deserialize_with = "lenient::optional")]
            key_type: Option<String>,
            #[serde(default, deserialize_with = "lenient::optional")]
            user_id: Option<UserId>,
            #[serde(default, deserialize_with = "lenient::optional")]
            name: Option<String>,
            #[serde(default, deserialize_with = "lenient::optional")]
            created_at: Option<Value>,
        }

        let token = BearerToken::new(token)?;
        let body = Body { token: token.as_str(), key };
        let core = &self.inner.core;
        let subject = core.subject_of(&token);
        let call =
            Call::new("/access-key/create", &body).not_idempotent().secret(token.as_str()).about(subject);
        let answer = core.api.call(call).await;
        let Record(data): Record<Data> =
            answer.map_err(|error| verdict(error, &Credential::Bearer(token.clone())))?;
        if data.key.is_empty() {
            return Err(AuthError::new(ErrorKind::Unavailable)
                .of_call()
                .with_detail("POST /access-key/create: the `key` of the answer is empty"));
        }
        Ok(CreatedAccessKey {
            key: data.key.into(),
            key_id: data.key_id,
            key_prefix: data.key_prefix,
            key_type: data.key_type,
            user_id: data.user_id,
            name: data.name,
            created_at: data.created_at.as_ref().and_then(expiry::parse),
        })
    }
}
