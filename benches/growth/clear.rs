//! What it takes to invalidate everybody.

use crate::account::{account, spent};
use crate::resident::{forget_peak, peak, resident};
use crate::series::{Cost, Series};
use crate::users::filled;

pub(crate) fn series() -> Vec<Series> {
    const USERS: &[u64] = &[1_000, 10_000, 100_000, 1_000_000];
    vec![
        Series {
            name: "`clear_cache`, by cached users",
            sizes: USERS,
            cost: Cost::Other("µs of processor time", time),
            bound: "each entry is freed, and its key kept; one at a time is locked",
        },
        Series {
            name: "memory on top while `clear_cache` runs, by cached users",
            // The keys of fewer fit into what the allocator has left.
            sizes: &[200_000, 400_000, 1_000_000],
            cost: Cost::Other("KiB", |users| (0..3).map(|_| memory(users)).fold(0.0, f64::max)),
            bound: "the keys of those who were accepted",
        },
    ]
}

fn time(users: u64) -> f64 {
    let (client, _tokens) = filled(users);
    let account = account();
    let before = spent(&account);
    client.clear_cache();
    let took = (spent(&account) - before) / 1e3;
    assert_eq!(client.cache_len(), 0);
    took
}

fn memory(users: u64) -> f64 {
    let (client, _tokens) = filled(users);
    forget_peak();
    let before = resident();
    client.clear_cache();
    peak().saturating_sub(before) as f64 / 1024.0
}
