use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Pipeline, RedisResult, Value};

use crate::ports::replay_memory::{ReplayMemory, ReplayMemoryError, ReplayTag};
use crate::types::error::BuildError;
use crate::upstream::cluster::{RedisCluster, RedisStore};
use crate::upstream::redis_link::{Link, LinkConfig, LinkError, RedisAddress};

/// A [`ReplayMemory`] in Redis, which the replicas of a service share: an event is handled by one of them.
///
/// A call takes 50 ms at most. While there is no connection, events are handled as without a memory, perhaps by two replicas, and
/// a warning says so; a connection that was lost is waited for in the first 250 ms. Commands are `SET`, `GET`, `MGET`, `PTTL` and
/// `DEL`, without scripts; Redis 6 is enough. Keys start with `aigc-auth:`, the name of the service and `:replay:`; an event takes
/// up to four, of about 200 bytes each, for the endpoint's [`replay_window`](super::super::WebhookConfig::replay_window). Nothing of an
/// event can be read from them. Where Redis evicts keys or loses its data, events that come again are handled again.
///
/// ```no_run
/// use aigc_auth::cluster::RedisCluster;
/// use aigc_auth::webhook::{RedisReplays, WebhookConfig};
///
/// # async fn example() -> Result<(), aigc_auth::error::BuildError> {
/// let url = "rediss://app:password@redis.example.com:6379";
/// let config = WebhookConfig::from_env()?.replay_memory(RedisReplays::connect(url, "orders")?);
/// // Or over the connection of a cluster that is there anyway.
/// let cluster = RedisCluster::connect(url)?;
/// let config = WebhookConfig::from_env()?.replay_memory(cluster.replays("orders")?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisReplays(Arc<Place>);

/// Where keys are, and what they start with.
enum Place {
    Own { link: Link, prefix: Box<str> },
    Cluster { store: Arc<RedisStore>, service: Box<str> },
}

impl Place {
    fn link(&self) -> &Link {
        match self {
            Self::Own { link, .. } => link,
            Self::Cluster { store, .. } => &store.calls,
        }
    }
}

impl RedisReplays {
    /// What nobody waits for: an event comes again within hours.
    const MAX_TTL: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// Starts to connect to this Redis, and does not wait for it: `redis://`, `rediss://` (TLS), `unix://`. Services of different
    /// names share nothing.
    ///
    /// # Errors
    /// If the URL is not that of one Redis, the name is empty, or this is called outside a runtime of tokio.
    pub fn connect(url: impl AsRef<str>, service: &str) -> Result<Self, BuildError> {
        check(service)?;
        let link = Link::start(&RedisAddress::parse(url.as_ref())?, LinkConfig::CALLS, ())?;
        Ok(Self(Arc::new(Place::Own { link, prefix: format!("aigc-auth:{service}:replay:").into() })))
    }

    fn key(&self, tag: ReplayTag) -> Result<String, ReplayMemoryError> {
        match &*self.0 {
            Place::Own { prefix, .. } => Ok(format!("{prefix}{tag}")),
            Place::Cluster { store, service } => {
                let names = store.names().ok_or(
                    "the cluster does not know its app: give it to an `AuthClient`, or set `RedisClusterBuilder::app`",
                )?;
                Ok(names.key(&format!("{service}:replay:{tag}")))
            }
        }
    }

    fn setting(
        &self,
        entries: &[(ReplayTag, ReplayTag)],
        ttl: Duration,
    ) -> Result<Pipeline, ReplayMemoryError> {
        let mut pipeline = Pipeline::with_capacity(entries.len());
        for (key, value) in entries {
            let set = pipeline.cmd("SET").arg(self.key(*key)?).arg(value.to_string());
            set.arg("PX").arg(lifetime(ttl)).ignore();
        }
        Ok(pipeline)
    }

    /// Asks in one round trip. All of it may be done twice.
    async fn ask<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, LinkError> {
        match self.0.link().connection_soon().await?.pipeline(pipeline).await {
            // It was cut off, before or after Redis did as asked.
            Err(LinkError::Down) => self.0.link().connection_soon().await?.pipeline(pipeline).await,
            answer => answer,
        }
    }
}

impl RedisCluster {
    /// Returns a memory of the webhooks that this service has handled, over the cluster's connection and below its prefix. Services of
    /// different names share nothing, also where they are one app to the auth center.
    ///
    /// # Errors
    /// If the name is empty.
    pub fn replays(&self, service: &str) -> Result<RedisReplays, BuildError> {
        check(service)?;
        let store = self.cluster().store().ok_or_else(|| BuildError::new("the cluster is not over Redis"))?;
        Ok(RedisReplays(Arc::new(Place::Cluster { store: store.clone(), service: service.into() })))
    }
}

fn check(service: &str) -> Result<(), BuildError> {
    if !service.trim().is_empty() {
        return Ok(());
    }
    Err(BuildError::new(
        "expected the name of the service whose replicas share the memory of replays, found none: services of one name take \
         the events of one another for repetitions",
    ))
}

/// In milliseconds, of which Redis takes neither 0 nor all that a `u64` can be.
fn lifetime(ttl: Duration) -> u64 {
    u64::try_from(ttl.min(RedisReplays::MAX_TTL).as_millis()).unwrap_or(u64::MAX).max(1)
}

impl ReplayMemory for RedisReplays {
    async fn get(&self, keys: &[ReplayTag]) -> Result<Vec<Option<ReplayTag>>, ReplayMemoryError> {
        if keys.is_empty() {
            return Ok(vec![]);
        }
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.cmd("MGET").arg(keys.iter().map(|key| self.key(*key)).collect::<Result<Vec<_>, _>>()?);
        let (values,): (Vec<Option<Vec<u8>>>,) = self.ask(&pipeline).await?;
        // What is no tag was written by somebody else, and says nothing of the event.
        let tag = |value: Vec<u8>| std::str::from_utf8(&value).ok()?.parse().ok();
        Ok(values.into_iter().map(|value| value.and_then(tag)).collect())
    }

    async fn set(&self, entries: &[(ReplayTag, ReplayTag)], ttl: Duration) -> Result<(), ReplayMemoryError> {
        if entries.is_empty() {
            return Ok(());
        }
        Ok(self.ask(&self.setting(entries, ttl)?).await?)
    }

    async fn claim(&self, key: ReplayTag, ttl: Duration) -> Result<bool, ReplayMemoryError> {
        let key = self.key(key)?;
        // Of this claim alone, so that one whose answer was lost is known again.
        let owner = format!("{:032x}", fastrand::u128(..));
        let mut pipeline = Pipeline::with_capacity(3);
        pipeline.ignore_errors();
        pipeline.cmd("SET").arg(&key).arg(&owner).arg("NX").arg("PX").arg(lifetime(ttl));
        pipeline.cmd("GET").arg(&key);
        pipeline.cmd("PTTL").arg(&key);
        let answers: Vec<RedisResult<Value>> = self.ask(&pipeline).await?;
        let [set, value, rest] = <[_; 3]>::try_from(answers)
            .map_err(|answers| format!("expected three answers of Redis, found {}", answers.len()))?;
        // Redis refuses to write: it is full, or a replica.
        set.map_err(LinkError::from)?;
        if matches!(&value, Ok(Value::BulkString(value)) if *value == owner.as_bytes()) {
            return Ok(true);
        }
        // A claim has an end. Held up by anything else, the event would never be handled.
        if matches!(rest, Ok(Value::Int(-1))) {
            return Err(format!("`{key}` has no end, and was not written by this crate; remove it").into());
        }
        Ok(false)
    }

    async fn release(&self, key: ReplayTag) -> Result<(), ReplayMemoryError> {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.cmd("DEL").arg(self.key(key)?).ignore();
        Ok(self.ask(&pipeline).await?)
    }
}

impl fmt::Debug for RedisReplays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplays").field("link", self.0.link()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetime_is_one_that_redis_takes() {
        for (ttl, millis) in [
            (Duration::ZERO, 1),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(10), 10_000),
            (Duration::MAX, 365 * 24 * 60 * 60 * 1_000),
        ] {
            assert_eq!(lifetime(ttl), millis, "{ttl:?}");
        }
    }
}
