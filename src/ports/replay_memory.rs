//! The port between a webhook endpoint and the memory of the events that it has handled.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::util::boxed::BoxFuture;

/// 32 bytes that stand for a delivery, a user or a state in a [`ReplayMemory`]: a SHA-256, from which nothing of the event
/// can be read. Its `Display` is lower-case hex, and `FromStr` reads that.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplayTag([u8; 32]);

impl ReplayTag {
    /// Makes a tag of its bytes, as they were stored.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ReplayTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ReplayTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ReplayTag {
    type Err = ReplayMemoryError;

    fn from_str(text: &str) -> Result<Self, ReplayMemoryError> {
        let mut bytes = [0; 32];
        match base16ct::lower::decode(text, &mut bytes) {
            Ok(decoded) if decoded.len() == 32 => Ok(Self(bytes)),
            _ => Err("expected a tag of 64 digits of lower-case hex".into()),
        }
    }
}

/// Why a [`ReplayMemory`] failed: any error. Its text is shown in the log.
pub type ReplayMemoryError = Box<dyn Error + Send + Sync>;

/// Remembers which events were handled: keys with values that expire. Share one among the processes of a service, in Redis
/// or a table, and an event is handled by one of them.
///
/// The methods are those of a key-value store: in Redis, `MGET`, `SET … PX`, `SET … NX PX` and `DEL`. Prefix the keys where
/// several services share a store; those of endpoints with different paths differ anyway.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use std::time::{Duration, Instant};
///
/// use aigc_auth::webhook::{ReplayMemory, ReplayMemoryError, ReplayTag, WebhookConfig};
///
/// #[derive(Default)]
/// struct Table(Mutex<HashMap<ReplayTag, (ReplayTag, Instant)>>);
///
/// impl ReplayMemory for Table {
///     async fn get(&self, keys: &[ReplayTag]) -> Result<Vec<Option<ReplayTag>>, ReplayMemoryError> {
///         let (table, now) = (self.0.lock().unwrap(), Instant::now());
///         let valid = |key| table.get(key).filter(|(_, expiry)| now < *expiry).map(|(value, _)| *value);
///         Ok(keys.iter().map(valid).collect())
///     }
///
///     async fn set(&self, entries: &[(ReplayTag, ReplayTag)], ttl: Duration) -> Result<(), ReplayMemoryError> {
///         let expiry = Instant::now() + ttl;
///         self.0.lock().unwrap().extend(entries.iter().map(|(key, value)| (*key, (*value, expiry))));
///         Ok(())
///     }
///
///     async fn claim(&self, key: ReplayTag, ttl: Duration) -> Result<bool, ReplayMemoryError> {
///         let (mut table, now) = (self.0.lock().unwrap(), Instant::now());
///         table.retain(|_, (_, expiry)| now < *expiry);
///         let is_free = !table.contains_key(&key);
///         table.entry(key).or_insert((key, now + ttl));
///         Ok(is_free)
///     }
///
///     async fn release(&self, key: ReplayTag) -> Result<(), ReplayMemoryError> {
///         self.0.lock().unwrap().remove(&key);
///         Ok(())
///     }
/// }
///
/// let config = WebhookConfig::new("a secret of the webhook")?.replay_memory(Table::default());
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub trait ReplayMemory: Send + Sync + 'static {
    /// Returns the value of each key, in their order; `None` for a key that was never set, or has expired.
    ///
    /// # Errors
    /// If the memory cannot answer. The event is then handled as if it were new.
    fn get(
        &self,
        keys: &[ReplayTag],
    ) -> impl Future<Output = Result<Vec<Option<ReplayTag>>, ReplayMemoryError>> + Send;

    /// Sets keys to values, which expire after `ttl`. Replaces earlier values.
    ///
    /// # Errors
    /// If the memory cannot answer. The event may then be handled again when it is repeated.
    fn set(
        &self,
        entries: &[(ReplayTag, ReplayTag)],
        ttl: Duration,
    ) -> impl Future<Output = Result<(), ReplayMemoryError>> + Send;

    /// Sets a key to any value unless it has one, atomically; the value expires after `ttl`. Returns whether it was set. Called
    /// for an event before its handler runs, for 10 s: the processes that do not get it answer 503, and the sender tries again.
    /// While the handler runs, [`set`](ReplayMemory::set) renews it every 3.3 s.
    ///
    /// # Errors
    /// If the memory cannot answer. The handler then runs, perhaps in two processes at a time.
    fn claim(
        &self,
        key: ReplayTag,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, ReplayMemoryError>> + Send;

    /// Removes a key that was claimed, when its handler has ended or was dropped. Not called by a process that is killed: the
    /// key is then free when it expires.
    ///
    /// # Errors
    /// If the memory cannot answer. The key is then free when it expires.
    fn release(&self, key: ReplayTag) -> impl Future<Output = Result<(), ReplayMemoryError>> + Send;
}

impl<M: ReplayMemory> ReplayMemory for Arc<M> {
    fn get(
        &self,
        keys: &[ReplayTag],
    ) -> impl Future<Output = Result<Vec<Option<ReplayTag>>, ReplayMemoryError>> + Send {
        (**self).get(keys)
    }

    fn set(
        &self,
        entries: &[(ReplayTag, ReplayTag)],
        ttl: Duration,
    ) -> impl Future<Output = Result<(), ReplayMemoryError>> + Send {
        (**self).set(entries, ttl)
    }

    fn claim(
        &self,
        key: ReplayTag,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, ReplayMemoryError>> + Send {
        (**self).claim(key, ttl)
    }

    fn release(&self, key: ReplayTag) -> impl Future<Output = Result<(), ReplayMemoryError>> + Send {
        (**self).release(key)
    }
}

type MemoryFuture<'a, T> = BoxFuture<'a, Result<T, ReplayMemoryError>>;

/// [`ReplayMemory`] as a trait object, so that a configuration has no type parameter.
pub(crate) trait DynReplayMemory: Send + Sync {
    fn get<'a>(&'a self, keys: &'a [ReplayTag]) -> MemoryFuture<'a, Vec<Option<ReplayTag>>>;
    fn set<'a>(&'a self, entries: &'a [(ReplayTag, ReplayTag)], ttl: Duration) -> MemoryFuture<'a, ()>;
    fn claim(&self, key: ReplayTag, ttl: Duration) -> MemoryFuture<'_, bool>;
    fn release(&self, key: ReplayTag) -> MemoryFuture<'_, ()>;
}

impl<M: ReplayMemory> DynReplayMemory for M {
    fn get<'a>(&'a self, keys: &'a [ReplayTag]) -> MemoryFuture<'a, Vec<Option<ReplayTag>>> {
        Box::pin(ReplayMemory::get(self, keys))
    }

    fn set<'a>(&'a self, entries: &'a [(ReplayTag, ReplayTag)], ttl: Duration) -> MemoryFuture<'a, ()> {
        Box::pin(ReplayMemory::set(self, entries, ttl))
    }

    fn claim(&self, key: ReplayTag, ttl: Duration) -> MemoryFuture<'_, bool> {
        Box::pin(ReplayMemory::claim(self, key, ttl))
    }

    fn release(&self, key: ReplayTag) -> MemoryFuture<'_, ()> {
        Box::pin(ReplayMemory::release(self, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_is_read_back_from_its_hex() {
        let tag = ReplayTag::new(std::array::from_fn(|at| at as u8 * 8));
        let text = tag.to_string();
        assert_eq!((text.len(), &text[..8], text.parse::<ReplayTag>().unwrap()), (64, "00081018", tag));
        for wrong in [&text[1..], &text.to_uppercase(), &format!("{text}0"), ""] {
            assert!(wrong.parse::<ReplayTag>().is_err(), "{wrong}");
        }
    }
}
