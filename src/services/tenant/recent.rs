//! Find a membership again that was found a moment ago: without a keyed hash, and without the checks of the cache.
//!
//! Each user and organisation has one place in a table, which others may have too: what stands there is compared with what
//! is asked for by [`Recalled`], and whoever finds another's there goes to the cache. So the hash needs no key. It is served
//! for as long as the cache would serve it without a further look, and only while nothing at all was invalidated; for a
//! second at most, so that the cache sees who is asked for, and evicts others. It is not kept in memory: what the cache
//! evicts is gone here, too.

use std::sync::RwLock;

use crate::ports::memberships::Recalled;
use crate::types::tenant::Membership;
use crate::types::tenant::membership::WeakMembership;
use crate::types::user::UserId;
use crate::upstream::identity_cache::{Fresh, IdentityCache};
use crate::util::clock::{Clock, Deadline, Millis};

/// Memberships that were found a moment ago.
pub(super) struct Recent(Box<[RwLock<Option<Found>>]>);

/// One of them.
struct Found {
    membership: WeakMembership,
    /// Whether it was asked for as the user's default.
    is_default: bool,
    epoch: u64,
    until: Deadline,
}

impl Recent {
    /// 128 KiB.
    const PLACES: usize = 1 << Self::BITS;
    const BITS: u32 = 11;
    /// The longest that a membership is found again, in milliseconds.
    const MAX_AGE: Millis = 1_000;

    pub(super) fn new() -> Self {
        Self((0..Self::PLACES).map(|_| RwLock::default()).collect())
    }

    /// Returns a membership that the cache would return now to whomever it is of.
    pub(super) fn get(
        &self,
        cache: &IdentityCache<Membership>,
        user: &UserId,
        org: Option<&[u8]>,
    ) -> Option<Recalled> {
        // One that waits for nobody: while it is written, the cache knows.
        let place = self.0.get(place(user, org))?.try_read().ok()?;
        let found = place.as_ref()?;
        // Lastly the clock, which is the dearest.
        if found.is_default != org.is_none() || found.epoch < cache.epoch() {
            return None;
        }
        let membership = found.membership.upgrade()?;
        cache.clock().is_before(&found.until).then(|| Recalled::new(membership))
    }

    /// Keeps what was found for a second, unless the place is taken by one that is still found.
    pub(super) fn keep(&self, clock: &Clock, user: &UserId, org: Option<&str>, fresh: &Fresh<Membership>) {
        let Some(Ok(mut place)) = self.0.get(place(user, org.map(str::as_bytes))).map(RwLock::try_write)
        else {
            return;
        };
        if place.as_ref().is_some_and(|found| found.epoch >= fresh.epoch && clock.is_before(&found.until)) {
            return;
        }
        *place = Some(Found {
            membership: fresh.value.downgrade(),
            is_default: org.is_none(),
            epoch: fresh.epoch,
            until: clock.deadline(fresh.until.min(fresh.now + Self::MAX_AGE)),
        });
    }
}

/// The place of a user and an organisation, from a few of their bytes.
fn place(user: &UserId, org: Option<&[u8]>) -> usize {
    let user = match user {
        UserId::Int(id) => id.cast_unsigned(),
        UserId::Str(id) => digest(id.as_bytes()),
    };
    let both = user ^ org.map_or(0, digest).rotate_left(32);
    // The product's upper bits depend on all of them.
    (both.wrapping_mul(MULTIPLIER) >> (u64::BITS - Recent::BITS)) as usize
}

/// 2⁶⁴ by the golden ratio, which spreads ids that follow one another.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Both ends of an id tell most apart: `user-1042`, `auth0|64f…`, `alice@example.com`.
fn digest(id: &[u8]) -> u64 {
    match (id.first_chunk(), id.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first).wrapping_mul(MULTIPLIER) ^ u64::from_le_bytes(*last)
        }
        _ => id.iter().fold(1, |digest, byte| digest << 8 | u64::from(*byte)),
    }
}
