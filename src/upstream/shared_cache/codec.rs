use serde::Deserialize;
use serde_json::Value as Json;

use crate::types::user::UserInfo;
use crate::types::user::whole::Whole;

/// How a value is written for other replicas, and read.
#[derive(Clone, Copy)]
pub(crate) struct Codec<V> {
    /// `None` for one that is not to be shared.
    pub(super) write: fn(&V) -> Option<Json>,
    /// `None` for one that this replica could not keep in full.
    pub(super) read: fn(Json) -> Option<V>,
}

impl Codec<UserInfo> {
    pub(crate) const USERS: Self = Self {
        write: |user| serde_json::to_value(user.whole()).ok(),
        read: |json| Whole::deserialize(json).ok()?.into_user(),
    };
}
