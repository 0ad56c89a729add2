use serde_json::Value;

use super::accounts::Accounts;
use super::dialect::Dialect;
use super::groups::Groups;
use super::registry::Registry;
use crate::types::secret::Secret;

/// The data that the endpoints read and change.
pub(super) struct State {
    pub(super) app_id: String,
    pub(super) app_secret: Secret,
    pub(super) dialect: Dialect,
    pub(super) accounts: Accounts,
    pub(super) groups: Groups,
    pub(super) registry: Registry,
    /// The stats records, as they were received.
    pub(super) stats: Vec<Value>,
    /// The Feishu messages, as they were received.
    pub(super) feishu_messages: Vec<Value>,
}

impl State {
    pub(super) fn new(app_id: String, app_secret: Secret, dialect: Dialect) -> Self {
        Self {
            accounts: Accounts::new(&app_id),
            app_id,
            app_secret,
            dialect,
            groups: Groups::default(),
            registry: Registry::default(),
            stats: Vec::new(),
            feishu_messages: Vec::new(),
        }
    }
}
