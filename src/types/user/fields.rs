use serde::{Deserialize, Deserializer, Serialize};

use super::codes::Codes;
use super::id::UserId;

/// The twelve fields that the auth center has of a user. All but `id` and `username` may be null or absent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fields {
    pub(super) id: UserId,
    pub(super) username: Box<str>,
    #[serde(default)]
    pub(super) nickname: Option<Box<str>>,
    #[serde(default)]
    pub(super) email: Option<Box<str>>,
    #[serde(default)]
    pub(super) phone: Option<Box<str>>,
    #[serde(default)]
    pub(super) avatar: Option<Box<str>>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) roles: Codes,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) permissions: Codes,
    #[serde(default)]
    pub(super) department: Option<Box<str>>,
    #[serde(default)]
    pub(super) company: Option<Box<str>>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) is_admin: bool,
    #[serde(default)]
    pub(super) status: Option<Box<str>>,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl Fields {
    pub(super) fn new(id: UserId, username: Box<str>) -> Self {
        Self {
            id,
            username,
            nickname: None,
            email: None,
            phone: None,
            avatar: None,
            roles: Codes::default(),
            permissions: Codes::default(),
            department: None,
            company: None,
            is_admin: false,
            status: None,
        }
    }
}
