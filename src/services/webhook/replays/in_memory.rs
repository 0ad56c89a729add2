use std::fmt;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::ports::replay_memory::{ReplayMemory, ReplayMemoryError, ReplayTag};
use crate::util::clock::{Clock, Millis, millis};

/// A [`ReplayMemory`] of one process, the default: each [`router`](super::super::router) has one of its own.
///
/// Has 100,000 entries at most, about 15 MB, of which the oldest are evicted. A handled event takes one to three: its
/// `webhook-id`, and the id and the username of its user. Share one between the endpoints of a process by an `Arc`.
pub struct InMemoryReplays {
    entries: Cache<ReplayTag, Entry>,
    clock: Clock,
}

#[derive(Clone, Copy)]
struct Entry {
    value: ReplayTag,
    expiry: Millis,
    ttl: Duration,
}

/// Frees the memory. Whether an entry is valid is told by [`Clock`], which tests may hold.
struct ByTtl;

impl Expiry<ReplayTag, Entry> for ByTtl {
    fn expire_after_create(&self, _: &ReplayTag, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &ReplayTag,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

impl InMemoryReplays {
    const MAX_ENTRIES: u64 = 100_000;
    /// The longest TTL that moka takes is longer, and nothing is sent again after a year.
    const MAX_TTL: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// Creates an empty memory.
    pub fn new() -> Self {
        Self::with_clock(Clock::default())
    }

    pub(crate) fn with_clock(clock: Clock) -> Self {
        let entries = Cache::builder()
            .max_capacity(Self::MAX_ENTRIES)
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(ByTtl)
            .build();
        Self { entries, clock }
    }

    pub(crate) fn value(&self, key: ReplayTag) -> Option<ReplayTag> {
        let entry = self.entries.get(&key)?;
        (self.clock.now() < entry.expiry).then_some(entry.value)
    }

    pub(crate) fn insert(&self, key: ReplayTag, value: ReplayTag, ttl: Duration) {
        self.entries.insert(key, self.entry(value, ttl));
    }

    fn entry(&self, value: ReplayTag, ttl: Duration) -> Entry {
        let ttl = ttl.min(Self::MAX_TTL);
        Entry { value, expiry: self.clock.now().saturating_add(millis(ttl)), ttl }
    }
}

impl Default for InMemoryReplays {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplayMemory for InMemoryReplays {
    async fn get(&self, keys: &[ReplayTag]) -> Result<Vec<Option<ReplayTag>>, ReplayMemoryError> {
        Ok(keys.iter().map(|key| self.value(*key)).collect())
    }

    async fn set(&self, entries: &[(ReplayTag, ReplayTag)], ttl: Duration) -> Result<(), ReplayMemoryError> {
        for (key, value) in entries {
            self.insert(*key, *value, ttl);
        }
        Ok(())
    }

    async fn claim(&self, key: ReplayTag, ttl: Duration) -> Result<bool, ReplayMemoryError> {
        let now = self.clock.now();
        let entry = self.entries.entry(key);
        let claimed = entry.or_insert_with_if(|| self.entry(key, ttl), |entry| entry.expiry <= now);
        Ok(claimed.is_fresh())
    }

    async fn release(&self, key: ReplayTag) -> Result<(), ReplayMemoryError> {
        self.entries.invalidate(&key);
        Ok(())
    }
}

impl fmt::Debug for InMemoryReplays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryReplays").field("entries", &self.entries.entry_count()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn claim_is_exclusive_until_it_is_released_or_expires() {
        let clock = Clock::held();
        let memory = InMemoryReplays::with_clock(clock.clone());
        let (key, ttl) = (ReplayTag::new([7; 32]), Duration::from_secs(35));
        let claim = async || memory.claim(key, ttl).await.unwrap();
        assert!(claim().await && !claim().await);
        clock.advance(ttl - Duration::from_millis(1));
        assert!(!claim().await);
        clock.advance(Duration::from_millis(1));
        assert!(claim().await && !claim().await, "whoever had it is taken for dead");
        memory.release(key).await.unwrap();
        assert!(claim().await);
    }
}
