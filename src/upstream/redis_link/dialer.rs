use std::time::Duration;

use redis::{Client, ProtocolVersion, PushInfo};
use tokio::sync::mpsc;

use super::address::RedisAddress;
use super::connection::Connection;
use super::error::LinkError;
use crate::types::error::BuildError;

/// What runs on each new connection of a link.
pub(crate) trait Session: Send + Sync {
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
/// Makes connections, one at a time.
pub(crate) struct Dialer {
    client: Client,
    config: LinkConfig,
}

impl Dialer {
    /// # Errors
    /// If the address is of no use.
    pub(crate) fn new(address: &RedisAddress, config: LinkConfig) -> Result<Self, BuildError> {
        let version = match config.protocol {
            Protocol::Resp2 => ProtocolVersion::RESP2,
            Protocol::Resp3 => ProtocolVersion::RESP3,
        };
        let client = address
            .client(version)
            .map_err(|error| BuildError::new(format!("cannot use the URL of Redis: {error}")))?;
        Ok(Self { client, config })
    }

    /// What the connections are for.
    pub(super) fn name(&self) -> &'static str {
        self.config.name
    }

    /// Dials, and runs a session until the connection is to be thrown away. Tells of the connection, and of its end.
    pub(crate) async fn visit(
        &self,
        session: &impl Session,
        connected: impl Fn(Option<&Connection>) + Send + Sync,
    ) -> LinkError {
        let LinkConfig { name, dial, answer, patience, .. } = self.config;
        let (connection, mut pushes) = match Connection::dial(&self.client, dial, answer, patience).await {
            Ok(dialled) => dialled,
            Err(error) => return error,
        };
        // The kernel accepts connections for a server that is paused: callers would wait for the answers of each. Whoever refuses has
        // answered.
        let answer = connection.query::<redis::Value>(&redis::cmd("PING")).await;
        if let Err(error @ (LinkError::Down | LinkError::Late)) = answer {
            return error;
        }
        tracing::debug!(connection = name, "connected to Redis");
        connected(Some(&connection));
        let error = tokio::select! {
            error = session.run(&connection, &mut pushes) => error,
            () = connection.lost() => LinkError::Down,
            () = ping(&connection) => LinkError::Late,
        };
        connected(None);
        session.lost();
        error
    }
}

/// Finds a path that has gone mute. Late answers are noted with the connection.
async fn ping(connection: &Connection) {
    loop {
        tokio::time::sleep(PING_INTERVAL).await;
        let _: Result<redis::Value, LinkError> = connection.query(&redis::cmd("PING")).await;
    }
}
