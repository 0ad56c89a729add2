//! What a seed file has.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::id::Id;
use super::located::Located;
use super::text::Text;

/// A file, read.
#[derive(Debug, Default)]
pub(crate) struct Seed {
    pub(crate) apps: Vec<Located<SeedApp>>,
    pub(crate) groups: Vec<Located<SeedGroup>>,
    pub(crate) users: Vec<Located<SeedUser>>,
    pub(crate) tokens: Vec<Located<SeedToken>>,
    pub(crate) access_keys: Vec<Located<SeedKey>>,
    /// Of services, by their name.
    pub(crate) configs: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedApp {
    pub(crate) id: Text,
    /// A new one with each start if it is not there.
    pub(crate) secret: Option<Text>,
    pub(crate) name: Option<Text>,
    #[serde(default)]
    pub(crate) redirect_uris: Vec<Text>,
    #[serde(default)]
    pub(crate) post_logout_redirect_uris: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedGroup {
    pub(crate) code: Text,
    pub(crate) id: Option<i64>,
    pub(crate) name: Option<Text>,
    pub(crate) description: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedUser {
    pub(crate) username: Text,
    /// Made from the username if it is not there.
    pub(crate) id: Option<Id>,
    pub(crate) nickname: Option<Text>,
    pub(crate) email: Option<Text>,
    pub(crate) phone: Option<Text>,
    pub(crate) avatar: Option<Text>,
    pub(crate) department: Option<Text>,
    pub(crate) company: Option<Text>,
    pub(crate) status: Option<Text>,
    pub(crate) is_admin: Option<bool>,
    #[serde(default)]
    pub(crate) roles: Vec<Text>,
    #[serde(default)]
    pub(crate) permissions: Vec<Text>,
    /// Codes.
    #[serde(default)]
    pub(crate) groups: Vec<Text>,
    /// Asked for by the log-in; without one, a click is enough.
    pub(crate) password: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedToken {
    pub(crate) token: Text,
    pub(crate) user: Text,
    /// The first one if it is not there.
    pub(crate) app: Option<Text>,
    /// In seconds from the start; without it, the token does not expire.
    pub(crate) expires_in: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedKey {
    pub(crate) key: Text,
    pub(crate) r#type: KeyType,
    pub(crate) name: Option<Text>,
    /// Of a key of a user.
    pub(crate) user: Option<Text>,
    /// Of a key of an app.
    pub(crate) app: Option<Text>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyType {
    User,
    App,
    Global,
}
