//! The maps that the cache is made of.

use std::hash::BuildHasherDefault;

use quick_cache::sync::{Cache as Map, DefaultLifecycle};
use quick_cache::{OptionsBuilder, UnitWeighter};

use super::entry::{BySize, Entry};
use super::key::{Key, PassThrough};
use super::value::Value;

/// A map by credential of bounded size.
pub(super) type Pool<V> = Map<Key, V, UnitWeighter, BuildHasherDefault<PassThrough>>;

pub(super) fn pool<V: Clone>(capacity: usize) -> Pool<V> {
    let hasher = BuildHasherDefault::default();
    Map::with(capacity, capacity as u64, UnitWeighter, hasher, DefaultLifecycle::default())
}

/// A map of values whose weights are bounded by this capacity.
///
/// A shard rejects an entry that is heavier than its share of the capacity, so that there are no more shards than have a
/// share of 1 MiB, and an entry counts for less than a share.
pub(super) fn identities<V: Value>(capacity: usize, shards: usize) -> Identities<V> {
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
        Ok(options) => {
            Map::with_options(options, BySize::new(capacity, shards), hasher, DefaultLifecycle::default())
        }
        // Not without a capacity, which is set.
        Err(_) => Map::with(
            capacity,
            capacity as u64,
            BySize::new(capacity, 1),
            hasher,
            DefaultLifecycle::default(),
        ),
    }
}

pub(super) type Identities<V> = Map<Key, Entry<V>, BySize, BuildHasherDefault<PassThrough>>;
