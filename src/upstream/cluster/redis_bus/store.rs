use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::ledger::Ledger;
use crate::upstream::cluster::keys::AppKeys;
use crate::upstream::redis_link::Link;
use crate::util::clock::Clock;

/// The connection for calls, and what the keys of the app are called in Redis.
pub(crate) struct RedisStore {
    pub(crate) calls: Link,
    /// The invalidations by their numbers, for values in Redis that may be older.
    pub(crate) ledger: Arc<Ledger>,
    /// Whether verified users are to be put here.
    pub(crate) shares_users: bool,
    prefix: Box<str>,
    /// Known when the app is.
    names: watch::Sender<Option<Names>>,
}

/// What keys of the app start with.
#[derive(Clone)]
pub(crate) struct Names(Arc<str>);

impl Names {
    /// Returns the key of this name.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }
}

impl RedisStore {
    pub(crate) fn new(calls: Link, prefix: Box<str>, shares_users: bool) -> Self {
        let ledger = Arc::new(Ledger::new(Clock::default()));
        Self { calls, ledger, shares_users, prefix, names: watch::Sender::new(None) }
    }

    /// Names the app.
    pub(crate) fn name(&self, app: &AppKeys) {
        let names = Names(format!("{}{{{}}}:", self.prefix, app.id_hash()).into());
        self.names.send_replace(Some(names));
    }

    /// The names, once the app is named.
    pub(crate) fn names(&self) -> Option<Names> {
        self.names.borrow().clone()
    }

    /// Waits until the app is named.
    pub(super) async fn named(&self) -> Names {
        let mut names = self.names.subscribe();
        loop {
            if let Some(names) = names.borrow_and_update().clone() {
                return names;
            }
            // The sender is here.
            let _ = names.changed().await;
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("calls", &self.calls)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
