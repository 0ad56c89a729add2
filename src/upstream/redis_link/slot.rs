use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;

/// Where a connection stands while there is one.
pub(super) struct Slot(watch::Sender<Held>);

enum Held {
    Connection(Connection),
    Nothing { since: Instant },
}

/// How long a connection is waited for: the time of some tries to dial it, as after a cut.
const GAP: Duration = Duration::from_millis(250);

impl Default for Slot {
    fn default() -> Self {
        Self(watch::Sender::new(Held::Nothing { since: Instant::now() }))
    }
}

impl Slot {
    pub(super) fn get(&self) -> Option<Connection> {
        match &*self.0.borrow() {
            Held::Connection(connection) => Some(connection.clone()),
            Held::Nothing { .. } => None,
        }
    }

    /// Waits until there is a connection.
    #[cfg(feature = "jwt")]
    pub(super) async fn held(&self) {
        // The slot outlives this, and so does what is waited for.
        let _ = self.0.subscribe().wait_for(|held| matches!(held, Held::Connection(_))).await;
    }

    /// Waits for a connection, as long as there has been none for less than [`GAP`].
    pub(super) async fn wait(&self) -> Option<Connection> {
        let mut held = self.0.subscribe();
        loop {
            let since = match &*held.borrow_and_update() {
                Held::Connection(connection) if !connection.is_lost() => return Some(connection.clone()),
                // The supervisor has yet to see it.
                Held::Connection(_) => Instant::now(),
                Held::Nothing { since } => *since,
            };
            timeout_at(since + GAP, held.changed()).await.ok()?.ok()?;
        }
    }

    pub(super) fn set(&self, connection: Option<Connection>) {
        let nothing = Held::Nothing { since: Instant::now() };
        self.0.send_replace(connection.map_or(nothing, Held::Connection));
    }
}
