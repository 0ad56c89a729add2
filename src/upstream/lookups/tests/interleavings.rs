//! Lookups and invalidations in many orders: nobody is given, after an invalidation, who was looked up before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shuttle::future::{block_on, yield_now};
use shuttle::thread;

use crate::ports::observer::{BreakerState, LookedUp, VerifierKind, Watch};
use crate::types::error::AuthError;
use crate::types::user::UserInfo;
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::identity_cache::{CacheTtls, Cached, IdentityCache, Key};
use crate::upstream::lookups::lookups::Lookups;
use crate::upstream::lookups::source::{Backend, Fetch, Fetched};
use crate::upstream::lookups::watched::LookupWatch;
use crate::util::clock::Clock;

const ORDERS: usize = 1_500;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Knows one user, whose nickname counts changes.
struct Center {
    cache: IdentityCache,
    version: AtomicU64,
}

impl Backend for Center {
    type Value = UserInfo;

    fn cache(&self) -> &IdentityCache {
        &self.cache
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn load(&self) -> (usize, usize, Vec<(&'static str, BreakerState)>) {
        (0, 0, Vec::new())
    }
}

impl Fetch<()> for Center {
    fn what(_: &()) -> LookedUp {
        LookedUp::Token
    }

    fn key(&self, (): &()) -> Key {
        Key::of_hash([1, 7])
    }

    async fn fetch(&self, (): (), _: Subject) -> Result<Fetched, CallError> {
        let version = self.version.load(Ordering::SeqCst);
        yield_now().await;
        let user = UserInfo::builder(7, "alice").nickname(version.to_string()).build();
        Ok(Fetched { value: user, limit: None })
    }
}

fn version(user: &UserInfo) -> u64 {
    user.nickname().unwrap().parse().unwrap()
}

/// One who looks up before and after the change of which an invalidation tells, and one who does so at any time. `by` is the way of
/// the invalidation.
fn race(by: usize) {
    let ttls = CacheTtls {
        ttl: Duration::from_secs(300),
        stale_if_error: Duration::from_secs(300),
        negative_ttl: Duration::from_secs(5),
    };
    let cache = IdentityCache::new(16, ttls, TIMEOUT, Clock::held());
    let center = Arc::new(Center { cache, version: AtomicU64::new(0) });
    let watch = LookupWatch::new(Watch::default(), VerifierKind::Cached);
    let lookups = Arc::new(Lookups::new(center.clone(), 4, TIMEOUT, watch));
    // Told by the invalidation that has returned.
    let floor = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let (lookups, floor) = (lookups.clone(), floor.clone());
            thread::spawn(move || {
                for _ in 0..2 {
                    let least = floor.load(Ordering::SeqCst);
                    let user: Result<UserInfo, AuthError> = block_on(lookups.lookup(()));
                    let user = user.unwrap();
                    assert!(version(&user) >= least, "{} after {least} was told", version(&user));
                }
            })
        })
        .collect();
    center.version.store(1, Ordering::SeqCst);
    match by {
        0 => lookups.invalidate_key(center.key(&())),
        1 => center.cache.invalidate_user(&7.into()),
        2 => center.cache.invalidate_name("alice"),
        _ => center.cache.clear(),
    }
    floor.store(1, Ordering::SeqCst);
    let user = block_on(lookups.lookup(())).unwrap();
    assert_eq!(version(&user), 1, "the caller who invalidated");
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    for user in [
        center.cache.stale(center.key(&())).map(|(user, _)| user),
        match center.cache.get(center.key(&())) {
            Cached::Fresh(user) | Cached::Stale(user) => Some(user),
            _ => None,
        },
    ]
    .into_iter()
    .flatten()
    {
        assert_eq!(version(&user), 1, "what is left in the cache");
    }
}

#[test]
fn nobody_is_given_who_was_invalidated() {
    // For the deadlines of lookups, which no order reaches.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _guard = runtime.enter();
    for by in 0..4 {
        shuttle::check_random(move || race(by), ORDERS);
        shuttle::check_pct(move || race(by), ORDERS, 3);
    }
}
