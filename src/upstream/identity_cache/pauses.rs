use std::time::Duration;

use super::key::Key;
use super::maps::{Pool, pool};
use crate::types::error::AuthError;
use crate::util::clock::{Clock, Millis, millis};

/// The credentials that were asked about in vain a short time ago, and are not to be asked about again yet.
pub(crate) struct Pauses {
    clock: Clock,
    pool: Pool<Pause>,
}

#[derive(Clone)]
struct Pause {
    error: AuthError,
    failed_at: Millis,
    ask_again_at: Millis,
    /// As long as the auth center has requested.
    until: Millis,
}

impl Pauses {
    const MAX: usize = 10_000;
    /// Shorter than the 5 s within which a recovery is noticed.
    const JUST_FAILED: Millis = 4_000;

    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, pool: pool(Self::MAX) }
    }

    /// Starts a pause of a credential. Within one that the auth center has requested, it is asked about every 4 s.
    pub(crate) fn start(&self, key: Key, error: &AuthError, pause: Duration) {
        let failed_at = self.clock.now();
        let until = failed_at + millis(pause);
        let ask_again_at = until.min(failed_at + Self::JUST_FAILED);
        self.pool.insert(key, Pause { error: error.clone(), failed_at, ask_again_at, until });
    }

    /// Returns the error of a credential that is not to be asked about again yet.
    pub(crate) fn error(&self, key: Key) -> Option<AuthError> {
        let now = self.clock.now();
        let pause = self.pool.get(&key).filter(|pause| now < pause.ask_again_at)?;
        Some(pause.error.with_retry_after(Duration::from_millis(pause.until - now)))
    }

    /// Returns whether the credential was asked about in vain within the last 4 s.
    pub(crate) fn has_just_failed(&self, key: Key) -> bool {
        let pause = self.pool.get(&key);
        pause.is_some_and(|pause| self.clock.now() < pause.failed_at + Self::JUST_FAILED)
    }

    pub(super) fn remove(&self, key: Key) {
        self.pool.remove(&key);
    }

    pub(super) fn clear(&self) {
        self.pool.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::error::ErrorKind;

    #[test]
    fn credential_has_just_failed_for_4_s_also_in_a_longer_pause() {
        let clock = Clock::held();
        let pauses = Pauses::new(clock.clone());
        let (key, error) = (Key::from_bits(1), AuthError::from(ErrorKind::Unavailable));
        pauses.start(key, &error, Duration::from_secs(10));
        for (passed, has_just_failed, rest) in [(0, true, Some(10)), (3_999, true, Some(7)), (1, false, None)]
        {
            clock.advance(Duration::from_millis(passed));
            assert_eq!(pauses.has_just_failed(key), has_just_failed, "{rest:?}");
            let retry_after = pauses.error(key).and_then(|error| error.retry_after());
            assert_eq!(retry_after, rest.map(Duration::from_secs));
            assert!(!pauses.has_just_failed(Key::from_bits(2)));
        }
    }
}
