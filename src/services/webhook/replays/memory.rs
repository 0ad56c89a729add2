use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::ports::replay_memory::{DynReplayMemory, ReplayMemoryError, ReplayTag};
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// A memory whose calls end in time. One that fails or hangs is reported, and answers `None`.
pub(super) struct Memory {
    port: Arc<dyn DynReplayMemory>,
    warnings: LogThrottle,
}

impl Memory {
    /// The timeout of a call.
    pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

    pub(super) fn new(port: Arc<dyn DynReplayMemory>, clock: &Clock) -> Self {
        Self { port, warnings: LogThrottle::new(clock.clone(), Duration::from_secs(10)) }
    }

    pub(super) async fn get(&self, keys: &[ReplayTag]) -> Option<Vec<Option<ReplayTag>>> {
        self.ask(self.port.get(keys)).await
    }

    pub(super) async fn set(&self, entries: &[(ReplayTag, ReplayTag)], ttl: Duration) -> Option<()> {
        self.ask(self.port.set(entries, ttl)).await
    }

    pub(super) async fn claim(&self, key: ReplayTag, ttl: Duration) -> Option<bool> {
        self.ask(self.port.claim(key, ttl)).await
    }

    pub(super) async fn release(&self, key: ReplayTag) -> Option<()> {
        self.ask(self.port.release(key)).await
    }

    async fn ask<T>(&self, call: impl Future<Output = Result<T, ReplayMemoryError>>) -> Option<T> {
        let error = match timeout(Self::TIMEOUT, call).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error,
            Err(_) => "no answer within 2 s".into(),
        };
        if self.warnings.is_due() {
            tracing::warn!(error = &*error, "the replay memory fails; events may be handled twice");
        }
        None
    }
}
