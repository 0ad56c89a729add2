//! Wait until a credential is no longer valid.

use std::time::{Duration, SystemTime};

use super::lookups::Lookups;
use super::source::{Backend, Fetch, is_rejection};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::upstream::identity_cache::{Cached, Key};
use crate::util::clock::millis;

/// How often a waiter looks at what this process knows, in milliseconds, at random so that thousands do not wake as one.
///
/// It looks, and is not told: the cost is the same however many users are invalidated, and a date that jumps, such as after a
/// suspend, which no timer sees, is noticed as well.
const LOOK_EVERY: std::ops::RangeInclusive<u64> = 250..=500;

/// How long after a lookup the next one may be made, unless the user is invalidated meanwhile.
const LOOKUP_PAUSE: Duration = Duration::from_secs(5);

/// The same for a user that the cache does not hold, as with a TTL of zero.
const UNCACHED_PAUSE: Duration = Duration::from_secs(30);

/// So often a waiter looks again while half the lookups are in use, before it makes its own all the same.
const YIELDS: usize = 10;

impl<B: Backend<Value = UserInfo>> Lookups<B> {
    /// Waits until the credential is rejected or ends. Outages do not count, unless it ends during one.
    pub(crate) async fn revoked<Q>(&self, query: Q) -> AuthError
    where
        B: Fetch<Q>,
        Q: Clone + Send + Sync + 'static,
    {
        let cache = self.backend.cache();
        let key = self.backend.key(&query);
        let mut ends = None;
        loop {
            // Before the lookup: an invalidation in between has it made again.
            let epoch = cache.epoch();
            match self.lookup(query.clone()).await {
                Ok(user) => {
                    ends = user.valid_until();
                    if let Some(error) = self.outlived(key, &user, epoch).await {
                        return error;
                    }
                    self.yield_to_requests().await;
                }
                Err(error) if is_rejection(&error) => return error,
                Err(_) if self.is_over(ends) => {
                    return AuthError::new(ErrorKind::Expired)
                        .with_detail("it ended while it could not be verified again");
                }
                Err(error) => {
                    let pause = error.retry_after().unwrap_or(LOOKUP_PAUSE).min(LOOKUP_PAUSE);
                    tokio::time::sleep(pause + look_pause()).await;
                }
            }
        }
    }

    /// Waits until the user has to be looked up again, or returns the rejection that another request has met.
    async fn outlived(&self, key: Key, user: &UserInfo, mut epoch: u64) -> Option<AuthError> {
        let cache = self.backend.cache();
        let now = cache.clock().now();
        let soon = now + millis(LOOKUP_PAUSE);
        // One that is over already was accepted all the same: by whoever's date is behind, or who tells the end in whole seconds.
        // That will not be for long.
        let is_overdue = self.is_over(user.valid_until());
        let due = match cache.refresh_at(key) {
            _ if is_overdue => soon,
            Ok(refresh_at) => refresh_at.max(soon),
            Err(ttl) => now + millis(ttl.max(UNCACHED_PAUSE)),
        };
        let ends = user.valid_until().filter(|_| !is_overdue);
        loop {
            tokio::time::sleep(look_pause()).await;
            if let Cached::Negative(error) = cache.get(key) {
                return Some(error);
            }
            let newest = cache.epoch();
            if let Some(end) = ends.filter(|_| self.is_over(ends)) {
                // Where the date has jumped, the cache may serve the user for a moment still.
                cache.limit(key, end);
                return None;
            }
            if cache.clock().now() >= due || cache.is_outdated(key, user, epoch) {
                return None;
            }
            epoch = newest;
        }
    }

    /// Waits for a while if many lookups are in flight: a socket is in less of a hurry than a request.
    async fn yield_to_requests(&self) {
        for _ in 0..YIELDS {
            if !self.is_busy() {
                return;
            }
            tokio::time::sleep(look_pause()).await;
        }
    }

    fn is_over(&self, ends: Option<SystemTime>) -> bool {
        ends.is_some_and(|ends| ends <= self.backend.cache().clock().today())
    }
}

fn look_pause() -> Duration {
    Duration::from_millis(fastrand::u64(LOOK_EVERY))
}
