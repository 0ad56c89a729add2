//! The maps that the cache is made of.

use std::hash::BuildHasherDefault;
use std::sync::Arc;

use quick_cache::sync::{Cache as Map, DefaultLifecycle};
use quick_cache::{Lifecycle, OptionsBuilder, UnitWeighter};

use super::entry::{BySize, Entry};
use super::key::{Key, PassThrough};
use super::value::Value;
use crate::util::sync::atomic::{AtomicU64, Ordering};

/// A map by credential of bounded size.
pub(super) type Pool<V> = Map<Key, V, UnitWeighter, BuildHasherDefault<PassThrough>>;

pub(super) fn pool<V: Clone>(capacity: usize) -> Pool<V> {
    let hasher = BuildHasherDefault::default();
    Map::with(capacity, capacity as u64, UnitWeighter, hasher, DefaultLifecycle::default())
}

/// A map of values whose weights are bounded by this capacity. Keys of evicted values go to `known`.
///
/// A shard rejects an entry that is heavier than its share of the capacity, so that there are no more shards than have a
/// share of 1 MiB, and an entry counts for less than a share.
pub(super) fn identities<V: Value>(capacity: usize, shards: usize, evicted: Evicted) -> Identities<V> {
    let shards = shards.min(capacity / BySize::PER_MIB).max(1);
    // The map rounds up.
    let shards = if shards.is_power_of_two() { shards } else { shards.next_power_of_two() / 2 };
    let options = OptionsBuilder::new()
        .estimated_items_capacity(capacity)
        .weight_capacity(capacity as u64)
        .shards(shards)
        .build();
    let hasher = BuildHasherDefault::default();
    match options {
        Ok(options) => Map::with_options(options, BySize::new(capacity, shards), hasher, evicted),
        // Not without a capacity, which is set.
        Err(_) => Map::with(capacity, capacity as u64, BySize::new(capacity, 1), hasher, evicted),
    }
}

pub(super) type Identities<V> = Map<Key, Entry<V>, BySize, BuildHasherDefault<PassThrough>, Evicted>;

/// Keeps the keys of evicted values, which are few bytes, and counts them.
#[derive(Clone)]
pub(super) struct Evicted {
    pub(super) known: Arc<Pool<()>>,
    pub(super) count: Arc<AtomicU64>,
}

impl<V: Value> Lifecycle<Key, Entry<V>> for Evicted {
    /// Dropped without the lock of the map. An insertion seldom evicts more than two.
    type RequestState = [Option<V>; 2];

    fn on_evict(&self, state: &mut Self::RequestState, key: Key, entry: Entry<V>) {
        // Under the lock of a shard of this map: nothing that holds one of `known` waits for it.
        self.known.insert(key, ());
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(free) = state.iter_mut().find(|kept| kept.is_none()) {
            *free = Some(entry.value);
        }
    }
}
