use super::cache::IdentityCache;
use super::key::Key;
use super::value::Value;
use crate::util::clock::Millis;

/// A value that is served without a further look, and for how long.
pub(crate) struct Fresh<V> {
    pub(crate) value: V,
    /// No invalidation up to this epoch covers it; of a later one nothing is known.
    pub(crate) epoch: u64,
    /// Until then it is neither due for a look at the date nor for a refresh.
    pub(crate) until: Millis,
    pub(crate) now: Millis,
}

impl<V: Value> IdentityCache<V> {
    /// Returns a value that is served without a further look; `None` for all others, which [`get`](Self::get) may know.
    pub(crate) fn fresh(&self, key: Key) -> Option<Fresh<V>> {
        let now = self.clock().now();
        let entry = self.identities.get(&key)?;
        let until = entry.terms.check_at.get().min(self.trust.until());
        let is_fresh = now < until && self.is_valid(key, &entry);
        is_fresh.then(|| Fresh { value: entry.value, epoch: entry.terms.epoch.get(), until, now })
    }
}
