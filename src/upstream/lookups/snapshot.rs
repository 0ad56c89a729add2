//! Say what is in flight.

use super::lookups::Lookups;
use super::source::Backend;
use crate::ports::observer::Snapshot;
use crate::upstream::identity_cache::Value;

impl<V: Value, B: Backend<Value = V>> Lookups<B, V> {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let cache = self.backend.cache();
        let (in_flight, waiting, breakers) = self.backend.load();
        Snapshot {
            cached: cache.len(),
            evicted: cache.evictions(),
            lookups: self.flights.len(),
            in_flight,
            waiting,
            breakers,
        }
    }
}
