//! Waits for a condition or an event, at most 10 s.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Counts events, and lets a test wait for each.
#[derive(Clone)]
pub(crate) struct Signal(pub(crate) Arc<Semaphore>);

impl Default for Signal {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Signal {
    pub(crate) fn give(&self) {
        self.0.add_permits(1);
    }

    /// Waits for one of them, at most 10 s.
    pub(crate) async fn wait(&self, what: &str) {
        let given = tokio::time::timeout(Duration::from_secs(10), self.0.acquire()).await;
        given.unwrap_or_else(|_| panic!("in vain: {what}")).unwrap().forget();
    }
}

/// Gives the signal when it is dropped.
pub(crate) struct Guard(pub(crate) Signal);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.give();
    }
}
