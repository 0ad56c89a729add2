use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use redis::Value;

use super::id::Id;
use super::message::{Content, Origin};
use super::observe::end;
use super::proof::Stream;
use crate::ports::invalidation::Invalidation;
use crate::upstream::redis_link::{Connection, LinkError};
use crate::util::clock::millis;

/// Ends the start of an epoch, also one that is given up.
struct Starting<'a>(&'a AtomicBool);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Adds invalidations to the stream, and publishes them.
pub(super) struct Publisher {
    pub(super) origin: Origin,
    /// That of the stream, as far as it is known; 0 if not.
    epoch: AtomicU64,
    /// How many were published that are not in the stream, so that whoever reads the stream has to be told of a gap.
    unlogged: AtomicU64,
    is_starting: AtomicBool,
}

/// About so many entries are kept.
const MAX_LEN: usize = 10_000;
/// About as long as the start of an epoch takes.
const START_PAUSE: Duration = Duration::from_millis(5);
/// How often a step is tried that another publisher comes before.
const ATTEMPTS: usize = 4;

impl Publisher {
    pub(super) fn new() -> Self {
        Self {
            origin: Origin::random(),
            epoch: AtomicU64::new(0),
            unlogged: AtomicU64::new(0),
            is_starting: AtomicBool::new(false),
        }
    }

    /// Adds an invalidation to the stream, and publishes it with the id that it has there. While Redis is full, it is only published:
    /// that reaches those who listen, and the others hear of a gap later. Returns the id.
    pub(super) async fn publish(
        &self,
        connection: &Connection,
        key: &str,
        invalidation: &Invalidation,
    ) -> Result<Option<Id>, LinkError> {
        let json = invalidation.to_json();
        let id = match self.add(connection, key, &json).await {
            Ok(id) => Some(id),
            Err(LinkError::Full) => {
                self.unlogged.fetch_add(1, Ordering::Relaxed);
                None
            }
            Err(error) => return Err(error),
        };
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(key).arg(Content::message(id, self.origin, &json));
        connection.query::<()>(&publish).await?;
        Ok(id)
    }

    async fn add(&self, connection: &Connection, key: &str, json: &str) -> Result<Id, LinkError> {
        self.log_gap(connection, key).await?;
        for _ in 0..ATTEMPTS {
            let epoch = match self.epoch.load(Ordering::Relaxed) {
                0 => self.learn(connection, key).await?,
                epoch => epoch,
            };
            if epoch == 0 {
                continue;
            }
            let mut add = redis::cmd("XADD");
            add.arg(key).arg("NOMKSTREAM").arg("MAXLEN").arg("~").arg(MAX_LEN).arg(format!("{epoch}-*"));
            Content::write(&mut add, self.origin, json);
            match connection.query::<Option<String>>(&add).await {
                Ok(Some(id)) => {
                    return id.parse().map_err(|()| LinkError::Refused("XADD gave no id".into()));
                }
                Ok(None) => self.start_epoch(connection, key, None).await?,
                Err(error) if is_overtaken(&error) => self.epoch.store(0, Ordering::Relaxed),
                Err(error) => return Err(error),
            }
        }
        Err(LinkError::Refused("other publishers start epochs all the time".into()))
    }

    /// Notes the epoch of the stream, as one that listens has seen it.
    pub(super) fn note(&self, stream: Stream) {
        self.epoch.store(stream.last.epoch, Ordering::Relaxed);
    }

    /// Learns the epoch of the stream, or starts one.
    async fn learn(&self, connection: &Connection, key: &str) -> Result<u64, LinkError> {
        match end(connection, key).await? {
            Some(stream) if !stream.is_unusable() => self.epoch.store(stream.last.epoch, Ordering::Relaxed),
            stream => self.start_epoch(connection, key, stream).await?,
        }
        Ok(self.epoch.load(Ordering::Relaxed))
    }

    /// Starts an epoch after that of this stream, and a stream where there is none. Whoever reads it has a gap.
    pub(super) async fn start_epoch(
        &self,
        connection: &Connection,
        key: &str,
        after: Option<Stream>,
    ) -> Result<(), LinkError> {
        if self.is_starting.swap(true, Ordering::AcqRel) {
            // One is enough for all that have found none.
            tokio::time::sleep(START_PAUSE).await;
            return Ok(());
        }
        let _starting = Starting(&self.is_starting);
        match after {
            // None is later: written by hand.
            Some(stream) if stream.last.epoch == u64::MAX => {
                connection.query::<Value>(redis::cmd("DEL").arg(key)).await?;
                self.epoch.store(0, Ordering::Relaxed);
            }
            Some(stream) => {
                self.epoch.fetch_max(stream.last.epoch, Ordering::Relaxed);
            }
            None => {}
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, millis);
        let epoch = now.max(self.epoch.load(Ordering::Relaxed).saturating_add(1));
        let mut add = redis::cmd("XADD");
        add.arg(key)
            .arg("MAXLEN")
            .arg("~")
            .arg(MAX_LEN)
            .arg(Id { epoch, number: fastrand::u64(Stream::FIRST_NUMBER) }.to_string());
        Content::write_reset(&mut add);
        match connection.query::<String>(&add).await {
            Ok(_) => self.epoch.store(epoch, Ordering::Relaxed),
            // Another publisher has started one that is later: learn it.
            Err(error) if is_overtaken(&error) => self.epoch.store(0, Ordering::Relaxed),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Starts an epoch if something was published that is not in the stream.
    pub(super) async fn log_gap(&self, connection: &Connection, key: &str) -> Result<(), LinkError> {
        let unlogged = self.unlogged.load(Ordering::Relaxed);
        if unlogged == 0 {
            return Ok(());
        }
        // The epoch has to be later than that of the stream.
        let stream = end(connection, key).await?;
        self.start_epoch(connection, key, stream).await?;
        if self.epoch.load(Ordering::Relaxed) != 0 {
            // Unless more came meanwhile.
            let _ = self.unlogged.compare_exchange(unlogged, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether Redis refuses to write anything. Writes nothing itself: there is no stream of this name.
    pub(super) async fn is_full(connection: &Connection, key: &str) -> Result<bool, LinkError> {
        let mut probe = redis::cmd("XADD");
        probe.arg(format!("{key}:none")).arg("NOMKSTREAM").arg("*").arg("p").arg("1");
        match connection.query::<Option<String>>(&probe).await {
            Err(LinkError::Full) => Ok(true),
            // Whether this replica may write is its publisher's matter.
            Ok(_) | Err(LinkError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether the stream has a later id than was to be added, or the last of all ids.
fn is_overtaken(error: &LinkError) -> bool {
    let is =
        |text: &str| text.contains("equal or smaller") || text.contains("exhausted the last possible ID");
    matches!(error, LinkError::Refused(text) if is(text))
}
