use std::collections::VecDeque;

use serde_json::Value;

use super::accounts::Accounts;
use super::apps::Apps;
use super::dialect::Dialect;
use super::groups::Groups;
use super::limits::Limits;
use super::received_usage::ReceivedUsage;
use super::registry::Registry;
use super::rejection::Rejection;
use super::tracked::Tracked;
use crate::types::secret::Secret;

/// The data that the endpoints read and change.
pub(super) struct State {
    pub(super) apps: Apps,
    pub(super) dialect: Dialect,
    pub(super) accounts: Accounts,
    pub(super) groups: Tracked<Groups>,
    pub(super) registry: Registry,
    pub(super) usage: ReceivedUsage,
    /// The Feishu messages, as they were received.
    pub(super) feishu_messages: VecDeque<Value>,
    pub(super) messages_sent: u64,
    pub(super) limits: Limits,
}

impl State {
    pub(super) fn new(app_id: &str, app_secret: Secret, dialect: Dialect, limits: Limits) -> Self {
        Self {
            accounts: Accounts::default(),
            apps: Apps::new(app_id, app_secret),
            dialect,
            groups: Tracked::default(),
            registry: Registry::default(),
            usage: ReceivedUsage::new(&limits),
            feishu_messages: VecDeque::new(),
            messages_sent: 0,
            limits,
        }
    }

    /// Increases with each change of what is stored.
    pub(super) fn version(&self) -> u64 {
        let (accounts, registry) = (&self.accounts, &self.registry);
        let accounts = accounts.users.version() + accounts.tokens.version() + accounts.keys.version();
        let services = registry.service_ids.version() + registry.instances.version();
        let registry = registry.webhooks.version() + services + registry.configs.version();
        accounts + registry + self.groups.version() + self.usage.last()
    }

    /// Rejects a call that would add a row to a full table of accounts.
    pub(super) fn check_account(&self, table: &str, rows: usize) -> Result<(), Rejection> {
        check_room(table, rows, self.limits.accounts)
    }

    /// Rejects a call that would add a row to a full table of the register.
    pub(super) fn check_registered(&self, table: &str, rows: usize) -> Result<(), Rejection> {
        check_room(table, rows, self.limits.registered)
    }

    /// Rejects a row that is too large.
    pub(super) fn check_row(&self, weight: usize) -> Result<(), Rejection> {
        if weight <= self.limits.row { Ok(()) } else { Err(Rejection::too_large(self.limits.row)) }
    }
}

fn check_room(table: &str, rows: usize, max: usize) -> Result<(), Rejection> {
    if rows < max { Ok(()) } else { Err(Rejection::full(table, max)) }
}
