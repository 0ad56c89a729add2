use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "jwt")]
use redis::{Cmd, FromRedisValue};
use tokio::task::AbortHandle;

use super::address::RedisAddress;
use super::connection::Connection;
use super::dialer::{Dialer, LinkConfig, Session};
use super::error::LinkError;
use super::slot::Slot;
use crate::types::error::BuildError;
use crate::util::backoff::Backoff;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// Between two tries to dial.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A connection that lasted less counts as a failed try: Redis may refuse what the session asks of it.
const LASTING: Duration = Duration::from_secs(1);

/// A connection in a slot, and the task that keeps it there. The task ends with it.
pub(crate) struct Link {
    slot: Arc<Slot>,
    task: AbortHandle,
}

impl Link {
    /// Starts to dial, and does not wait for it.
    ///
    /// # Errors
    /// Outside a runtime of tokio, or if the address is of no use.
    pub(crate) fn start(
        address: &RedisAddress,
        config: LinkConfig,
        session: impl Session + 'static,
    ) -> Result<Self, BuildError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| {
            BuildError::new("a connection to Redis needs a runtime of tokio: connect within `#[tokio::main]`")
        })?;
        let dialer = Dialer::new(address, config)?;
        let slot = Arc::<Slot>::default();
        let task = runtime.spawn(supervise(slot.clone(), dialer, session)).abort_handle();
        Ok(Self { slot, task })
    }

    /// Runs a command, or fails at once while there is no connection.
    #[cfg(feature = "jwt")]
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, LinkError> {
        self.connection()?.query(command).await
    }

    /// Waits until there is a connection.
    #[cfg(feature = "jwt")]
    pub(crate) async fn connected(&self) {
        // The slot outlives this, and so does what is waited for.
        self.slot.held().await;
    }

    /// Returns the connection, if there is one.
    pub(crate) fn connection(&self) -> Result<Connection, LinkError> {
        self.slot.get().ok_or(LinkError::Down)
    }

    /// Returns the connection. Waits for one, as long as it has not been missing for more than 250 ms: the link was just started, or
    /// has just lost it.
    #[cfg_attr(not(any(feature = "registry", feature = "webhook")), allow(dead_code))]
    pub(crate) async fn connection_soon(&self) -> Result<Connection, LinkError> {
        self.slot.wait().await.ok_or(LinkError::Down)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("is_connected", &self.connection().is_ok()).finish()
    }
}

async fn supervise(slot: Arc<Slot>, dialer: Dialer, session: impl Session) {
    let warnings = LogThrottle::new(Clock::default(), Duration::from_secs(30));
    let fresh = || Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut backoff = fresh();
    loop {
        let started = Instant::now();
        let error = dialer.visit(&session, |connection| slot.set(connection.cloned())).await;
        if warnings.is_due() {
            tracing::warn!(connection = dialer.name(), %error, "no connection to Redis; it is dialled again");
        }
        if started.elapsed() >= LASTING {
            backoff = fresh();
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}
