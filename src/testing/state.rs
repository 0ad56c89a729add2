use serde_json::Value;

use super::accounts::Accounts;
use super::registry::Registry;
use crate::types::secret::Secret;

/// The data that the endpoints read and change.
pub(super) struct State {
    pub(super) app_id: String,
    pub(super) app_secret: Secret,
    pub(super) accounts: Accounts,
    pub(super) registry: Registry,
    /// The stats records, as they were received.
    pub(super) stats: Vec<Value>,
}

impl State {
    pub(super) fn new(app_id: String, app_secret: Secret) -> Self {
        Self {
            app_id,
            app_secret,
            accounts: Accounts::default(),
            registry: Registry::default(),
            stats: Vec::new(),
        }
    }
}
