use std::sync::Arc;
use std::time::Duration;

use super::calls::Calls;
use super::codec::Codec;
use super::names::Names;
use super::record::Records;
use super::seal::Seal;
use crate::types::secret::Secret;
use crate::upstream::cluster::{Ledger, RedisStore};
use crate::upstream::identity_cache::{CacheTtls, Value};
use crate::upstream::slots::Slots;
use crate::util::clock::{Clock, Millis, millis};

/// Shares with the other replicas what each of them has verified, and has one of all ask about a credential that none knows.
pub(crate) struct SharedCache<V> {
    pub(super) calls: Calls,
    pub(super) names: Names,
    pub(super) records: Records<V>,
    pub(super) ledger: Arc<Ledger>,
    /// Those who look and ask: beyond them, lookups wait, and find what others have asked about meanwhile.
    pub(super) turns: Slots,
    pub(super) clock: Clock,
    pub(super) ttls: CacheTtls,
    /// The longest that a lookup may take.
    pub(super) timeout: Duration,
}

/// What is shared, and with whom.
pub(crate) struct Sharing<'a, V> {
    pub(crate) secret: &'a Secret,
    /// What is verified, and by whom. Nothing is shared with another.
    pub(crate) realm: &'a str,
    pub(crate) codec: Codec<V>,
    pub(crate) ttls: CacheTtls,
    /// The longest that a lookup may take.
    pub(crate) timeout: Duration,
    pub(crate) clock: Clock,
}

impl<V: Value> SharedCache<V> {
    /// As many as there are calls of the auth center at a time by default.
    const MAX_TURNS: usize = 256;

    /// `None` for a store that knows no app yet.
    pub(crate) fn new(store: &Arc<RedisStore>, sharing: Sharing<'_, V>) -> Option<Self> {
        let Sharing { secret, realm, codec, ttls, timeout, clock } = sharing;
        store.ledger.keep_for(timeout + ttls.ttl + ttls.stale_if_error);
        Some(Self {
            names: Names::new(store.names()?),
            calls: Calls::new(store.clone(), clock.clone()),
            records: Records::new(Seal::new(secret, realm), codec),
            ledger: store.ledger.clone(),
            turns: Slots::new(Self::MAX_TURNS),
            clock,
            ttls,
            timeout,
        })
    }

    /// How long a value is of any use after it was verified.
    pub(super) fn lifetime(&self) -> Millis {
        millis(self.ttls.ttl + self.ttls.stale_if_error)
    }
}
