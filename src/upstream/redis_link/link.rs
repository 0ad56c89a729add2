use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Client, Cmd, FromRedisValue, ProtocolVersion, PushInfo};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::address::RedisAddress;
use super::connection::Connection;
use super::error::LinkError;
use crate::types::error::BuildError;
use crate::util::backoff::Backoff;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// What runs on each new connection of a link.
pub(crate) trait Session: Send + Sync + 'static {
    /// Runs until the connection is to be thrown away. Dropped when it is lost.
    fn run(
        &self,
        connection: &Connection,
        pushes: &mut mpsc::Receiver<PushInfo>,
    ) -> impl Future<Output = LinkError> + Send;

    /// Called when a connection that the session ran on is gone.
    fn lost(&self);
}

/// Nothing: the link is for calls.
impl Session for () {
    async fn run(&self, _: &Connection, _: &mut mpsc::Receiver<PushInfo>) -> LinkError {
        std::future::pending().await
    }

    fn lost(&self) {}
}

/// The version of the protocol, of which the third has pushes, and needs Redis 6.
#[derive(Clone, Copy)]
pub(super) enum Protocol {
    Resp2,
    Resp3,
}

#[derive(Clone, Copy)]
pub(crate) struct LinkConfig {
    /// For the log: what the connection is for.
    pub(crate) name: &'static str,
    pub(super) protocol: Protocol,
    /// To connect, and to sign in.
    pub(crate) dial: Duration,
    /// For an answer.
    pub(crate) answer: Duration,
    /// For how long all answers may be late before the connection is thrown away.
    pub(crate) patience: Duration,
}

impl LinkConfig {
    const DIAL: Duration = Duration::from_millis(200);

    /// For calls that somebody waits for. Thrown away at the fourth late answer in a row.
    pub(crate) const CALLS: Self = Self {
        name: "calls",
        protocol: Protocol::Resp2,
        dial: Self::DIAL,
        answer: Duration::from_millis(50),
        patience: Duration::from_millis(150),
    };

    /// For pushes. Of no use 1 s after the last PING was sent that was answered: 250 ms later the next is sent, which is late
    /// after as long; so is the second one, 500 ms later.
    pub(crate) const PUSHES: Self = Self {
        name: "pushes",
        protocol: Protocol::Resp3,
        dial: Self::DIAL,
        answer: Duration::from_millis(250),
        patience: Duration::from_millis(500),
    };
}

/// Between an answer and the next PING.
const PING_INTERVAL: Duration = Duration::from_millis(250);
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

struct Slot(watch::Sender<Option<Connection>>);

impl Link {
    /// Starts to dial, and does not wait for it.
    ///
    /// # Errors
    /// Outside a runtime of tokio, or if the address is of no use.
    pub(crate) fn start(
        address: &RedisAddress,
        config: LinkConfig,
        session: impl Session,
    ) -> Result<Self, BuildError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| {
            BuildError::new("a connection to Redis needs a runtime of tokio: connect within `#[tokio::main]`")
        })?;
        let version = match config.protocol {
            Protocol::Resp2 => ProtocolVersion::RESP2,
            Protocol::Resp3 => ProtocolVersion::RESP3,
        };
        let client = address
            .client(version)
            .map_err(|error| BuildError::new(format!("cannot use the URL of Redis: {error}")))?;
        let slot = Arc::new(Slot(watch::Sender::new(None)));
        let task = runtime.spawn(supervise(slot.clone(), client, config, session)).abort_handle();
        Ok(Self { slot, task })
    }

    /// Runs a command, or fails at once while there is no connection.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, LinkError> {
        self.connection()?.query(command).await
    }

    /// Waits until there is a connection.
    pub(crate) async fn connected(&self) {
        // The slot outlives this, and so does what is waited for.
        let _ = self.slot.0.subscribe().wait_for(Option::is_some).await;
    }

    /// Returns the connection, if there is one.
    pub(crate) fn connection(&self) -> Result<Connection, LinkError> {
        self.slot.get().ok_or(LinkError::Down)
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

impl Slot {
    fn get(&self) -> Option<Connection> {
        self.0.borrow().clone()
    }

    fn set(&self, connection: Option<Connection>) {
        self.0.send_replace(connection);
    }
}

async fn supervise(slot: Arc<Slot>, client: Client, config: LinkConfig, session: impl Session) {
    let warnings = LogThrottle::new(Clock::default(), Duration::from_secs(30));
    let fresh = || Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut backoff = fresh();
    loop {
        let started = Instant::now();
        let error = match Connection::dial(&client, config.dial, config.answer, config.patience).await {
            Ok((connection, mut pushes)) => {
                tracing::debug!(connection = config.name, "connected to Redis");
                slot.set(Some(connection.clone()));
                let error = tokio::select! {
                    error = session.run(&connection, &mut pushes) => error,
                    () = connection.lost() => LinkError::Down,
                    () = ping(&connection) => LinkError::Late,
                };
                slot.set(None);
                session.lost();
                error
            }
            Err(error) => error,
        };
        if warnings.is_due() {
            tracing::warn!(connection = config.name, %error, "no connection to Redis; it is dialled again");
        }
        if started.elapsed() >= LASTING {
            backoff = fresh();
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Finds a path that has gone mute. Late answers are noted with the connection.
async fn ping(connection: &Connection) {
    loop {
        tokio::time::sleep(PING_INTERVAL).await;
        let _: Result<redis::Value, LinkError> = connection.query(&redis::cmd("PING")).await;
    }
}
