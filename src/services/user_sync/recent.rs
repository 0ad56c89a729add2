use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The users of whom an event came lately. A login that was verified before may be older than the event.
#[derive(Default)]
pub(super) struct Recent(VecDeque<(u64, Instant)>);

impl Recent {
    /// Longer than a verification is cached, or a login waits for its turn.
    const TTL: Duration = Duration::from_secs(60 * 60);
    /// The oldest are left out, so that the memory is bounded.
    const MAX_LEN: usize = 256;

    /// Adds a user, by the hash of their key. Two users may share one: the auth center is then asked once too often.
    pub(super) fn note(&mut self, user: u64) {
        let now = Instant::now();
        self.0.retain(|(other, at)| *other != user && now - *at < Self::TTL);
        if self.0.len() == Self::MAX_LEN {
            self.0.pop_front();
        }
        self.0.push_back((user, now));
    }

    pub(super) fn contains(&self, user: u64) -> bool {
        self.0.iter().any(|(other, at)| *other == user && at.elapsed() < Self::TTL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn users_are_known_for_an_hour_and_the_latest_256_at_most() {
        let mut recent = Recent::default();
        recent.note(1);
        tokio::time::advance(Recent::TTL - Duration::from_millis(1)).await;
        assert!(recent.contains(1) && !recent.contains(2));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!recent.contains(1));
        (0..300).for_each(|user| recent.note(user));
        recent.note(44);
        assert_eq!(recent.0.len(), Recent::MAX_LEN);
        assert!(recent.contains(44) && recent.contains(299) && !recent.contains(43));
    }
}
