use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, ProtocolVersion, PushInfo, PushKind,
    RedisResult,
};
use tokio::sync::{Notify, mpsc};

use super::error::LinkError;
use crate::util::fair_timeout::fair_timeout;

/// One connection, until it is lost. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    redis: MultiplexedConnection,
    health: Arc<Health>,
}

/// What is known of a connection's use.
struct Health {
    made: Instant,
    /// When the first of the late answers was due, in milliseconds since `made`, plus one; 0 while answers are in time.
    late_since: AtomicU64,
    /// How long an answer may take.
    answer: Duration,
    /// For how long all answers may be late.
    patience: Duration,
    lost: Notify,
    is_lost: AtomicBool,
    /// How often Redis was flushed, as far as it has told.
    flushes: AtomicU64,
}

/// How many pushes wait for the session: beyond them the connection is thrown away, for the session would have missed some.
const MAX_PUSHES: usize = 10_000;

impl Connection {
    /// Dials, and signs in.
    pub(super) async fn dial(
        client: &Client,
        timeout: Duration,
        answer: Duration,
        patience: Duration,
    ) -> Result<(Self, mpsc::Receiver<PushInfo>), LinkError> {
        let health = Arc::new(Health {
            made: Instant::now(),
            late_since: AtomicU64::new(0),
            answer,
            patience,
            lost: Notify::new(),
            is_lost: AtomicBool::new(false),
            flushes: AtomicU64::new(0),
        });
        let (sender, pushes) = mpsc::channel(MAX_PUSHES);
        let watched = health.clone();
        let push = move |push: PushInfo| -> Result<(), redis::aio::SendError> {
            if is_flush(&push) {
                watched.flushes.fetch_add(1, Ordering::Release);
            }
            if push.kind == PushKind::Disconnection || sender.try_send(push).is_err() {
                watched.note_lost();
            }
            Ok(())
        };
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            // Answers are timed here.
            .set_response_timeout(None);
        // Refused with the second version of the protocol, whose connections are found lost by the next call or PING.
        if client.get_connection_info().redis_settings().protocol() != ProtocolVersion::RESP2 {
            config = config.set_push_sender(push);
        }
        // Once more by our own clock: its timeout does not cover everything that a connection takes.
        let dialling = client.get_multiplexed_async_connection_with_config(&config);
        let redis = tokio::time::timeout(timeout, dialling).await.map_err(|_| LinkError::Late)??;
        Ok((Self { redis, health }, pushes))
    }

    /// Runs a command.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, LinkError> {
        let mut redis = self.redis.clone();
        self.noted(self.timed(command.query_async(&mut redis)).await)
    }

    /// Runs several commands in one round trip.
    pub(crate) async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, LinkError> {
        let mut redis = self.redis.clone();
        self.noted(self.timed(pipeline.query_async(&mut redis)).await)
    }

    /// How many pushes have arrived that tell of a flush, read or not. One that was pushed before an answer is counted when the answer
    /// is there.
    #[cfg(feature = "jwt")]
    pub(crate) fn flushes(&self) -> u64 {
        self.health.flushes.load(Ordering::Acquire)
    }

    /// Waits for an answer as long as it may take. A future that is dropped is as safe as one that is late.
    async fn timed<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Result<T, LinkError> {
        let answer = fair_timeout(self.health.answer, answer).await;
        answer.ok_or(LinkError::Late)?.map_err(LinkError::from)
    }

    fn noted<T>(&self, answer: Result<T, LinkError>) -> Result<T, LinkError> {
        match answer {
            Ok(_) | Err(LinkError::Full | LinkError::Refused(_)) => {
                self.health.late_since.store(0, Ordering::Relaxed);
            }
            Err(LinkError::Late) => self.health.note_late(),
            Err(LinkError::Down) => self.health.note_lost(),
        }
        answer
    }

    /// Whether the last answers were late.
    pub(crate) fn is_late(&self) -> bool {
        self.health.late_since.load(Ordering::Relaxed) != 0
    }

    /// Whether the connection is of no use, and about to be thrown away.
    pub(super) fn is_lost(&self) -> bool {
        self.health.is_lost.load(Ordering::Relaxed)
    }

    /// Waits until the connection is of no use.
    pub(super) async fn lost(&self) {
        self.health.lost.notified().await;
    }
}

/// Whether a push tells that all keys are gone.
pub(crate) fn is_flush(push: &PushInfo) -> bool {
    push.kind == PushKind::Invalidate && matches!(push.data.first(), Some(redis::Value::Nil))
}

impl Health {
    /// By time, not by number: hundreds of calls may be late at once, for a moment.
    fn note_late(&self) {
        let now = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let first = self.late_since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        let since = first.err().unwrap_or(now);
        if Duration::from_millis(now.saturating_sub(since)) >= self.patience {
            self.note_lost();
        }
    }

    fn note_lost(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
        self.lost.notify_one();
    }
}
