//! Tell who waits for it that changes are in the state file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// The saves of the [`keeper`](crate::keeper): many changes share one.
#[derive(Debug, Default)]
pub(crate) struct Saves {
    /// Whether there is a state file.
    is_kept: AtomicBool,
    round: watch::Sender<Round>,
    wanted: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct Round {
    begun: u64,
    ended: u64,
    /// Whether all changes before the latest that has ended are saved.
    is_saved: bool,
}

impl Saves {
    /// A disk that does not answer must not hang whoever waits.
    const TIMEOUT: Duration = Duration::from_secs(10);

    /// Says that there is a state file.
    pub(crate) fn keep(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    /// Waits until all changes up to now are saved. Returns whether they are; at once without a state file.
    pub(crate) async fn saved(&self) -> bool {
        if !self.is_kept.load(Ordering::Relaxed) {
            return true;
        }
        let mut round = self.round.subscribe();
        // The one on its way may have looked before the change.
        let wanted = round.borrow().begun + 1;
        self.wanted.notify_one();
        let ended = round.wait_for(|round| round.ended >= wanted);
        matches!(tokio::time::timeout(Self::TIMEOUT, ended).await, Ok(Ok(round)) if round.is_saved)
    }

    /// Waits until somebody waits.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Begins a save, before it is looked what has changed.
    pub(crate) fn begin(&self) {
        self.round.send_modify(|round| round.begun += 1);
    }

    pub(crate) fn end(&self, is_saved: bool) {
        self.round.send_modify(|round| {
            round.ended = round.begun;
            round.is_saved = is_saved;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn change_waits_for_a_save_that_begins_after_it() {
        let saves = Arc::new(Saves::default());
        assert!(saves.saved().await, "there is no state file");
        saves.keep();
        saves.begin();
        let waits = tokio::spawn({
            let saves = Arc::clone(&saves);
            async move { saves.saved().await }
        });
        saves.wanted().await;
        saves.end(true);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waits.is_finished(), "that one may have begun before the change");
        saves.begin();
        saves.end(false);
        assert!(!waits.await.unwrap(), "it was not saved");
    }
}
