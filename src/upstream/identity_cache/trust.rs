//! Whether a cache knows what other replicas have invalidated.
//!
//! With a cluster, entries are trusted until some time after the last proof that no invalidation was missed. From then on they are
//! doubted: looked up again, and served only while nobody can be asked. What is looked up meanwhile is cached for a short time.

use std::sync::PoisonError;
use std::time::Duration;

use crate::util::clock::{Millis, millis};
use crate::util::sync::atomic::{AtomicU64, Ordering};
use crate::util::sync::{Mutex, MutexGuard};

pub(super) struct Trust {
    /// Until then entries are trusted: for ever without a cluster, and while they are doubted already.
    until: AtomicU64,
    /// The longest TTL.
    max_ttl: AtomicU64,
    /// For how long entries are trusted after a proof was asked for.
    window: Millis,
    degraded_ttl: Millis,
    changing: Mutex<()>,
}

/// How long entries are trusted in a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrustTimes {
    /// After a proof was asked for that no invalidation was missed.
    pub(crate) window: Duration,
    /// After they were looked up, while there is no proof.
    pub(crate) degraded_ttl: Duration,
}

impl Trust {
    /// For a cache of its own.
    pub(super) fn alone() -> Self {
        Self {
            until: AtomicU64::new(Millis::MAX),
            max_ttl: AtomicU64::new(Millis::MAX),
            window: 0,
            degraded_ttl: Millis::MAX,
            changing: Mutex::default(),
        }
    }

    /// For a cache of a cluster, from which nothing has been heard yet.
    pub(super) fn in_cluster(times: TrustTimes) -> Self {
        let degraded_ttl = millis(times.degraded_ttl);
        Self {
            max_ttl: AtomicU64::new(degraded_ttl),
            window: millis(times.window),
            degraded_ttl,
            ..Self::alone()
        }
    }

    #[inline(always)]
    pub(super) fn is_over(&self, now: Millis) -> bool {
        now >= self.until()
    }

    #[inline(always)]
    pub(super) fn until(&self) -> Millis {
        self.until.load(Ordering::Relaxed)
    }

    /// Read after the epoch of an entry: whoever sees that of the doubt sees the TTL of it as well.
    pub(super) fn max_ttl(&self) -> Millis {
        self.max_ttl.load(Ordering::Relaxed)
    }

    /// Ends the trust if its time is over. `doubt` starts the epoch of which earlier entries are doubted.
    pub(super) fn end(&self, now: Millis, doubt: impl FnOnce()) -> bool {
        let _changing = self.change();
        if !self.is_over(now) {
            return false;
        }
        self.max_ttl.store(self.degraded_ttl, Ordering::Relaxed);
        doubt();
        self.until.store(Millis::MAX, Ordering::Relaxed);
        true
    }

    /// Trusts from a proof on that was asked for `age` ago; `restore` ends the doubt. A proof that is too old changes nothing.
    pub(super) fn renew(&self, now: Millis, age: Duration, restore: impl FnOnce()) {
        let until = now.saturating_add(self.window).saturating_sub(millis(age));
        let _changing = self.change();
        if until <= now {
            return;
        }
        if self.max_ttl() != Millis::MAX {
            restore();
            self.max_ttl.store(Millis::MAX, Ordering::Relaxed);
        }
        self.until.store(until, Ordering::Relaxed);
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
