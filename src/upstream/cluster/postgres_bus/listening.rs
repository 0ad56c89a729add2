use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, Postgres, Row};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::calls::Calls;
use super::shared_session::{NO_SESSION, explained};
use crate::ports::invalidation::Invalidation;
use crate::ports::invalidation_bus::{BusError, BusListener};

/// The channels of a replica.
pub(super) struct Channels {
    /// Of all replicas.
    pub(super) shared: String,
    /// Of this one alone, for its questions.
    pub(super) own: String,
}

/// A connection that listens.
///
/// # The proof
/// PostgreSQL hands out messages in the order of their commits, on all channels. So the replica sends itself a question over another
/// connection, and when that arrives, all that was sent before has arrived. It comes to a connection that asks for nothing itself:
/// a pooler that lends out its sessions a transaction at a time would drop it, as it drops all messages.
///
/// What was sent while nobody listened is lost for good, so that a new connection has always missed something.
pub(super) struct Listening {
    /// Dropped, it sends UNLISTEN in a task of sqlx's, which ends with the connection.
    listener: PgListener,
    channels: Channels,
    /// The number of the last question that has arrived.
    heard: watch::Sender<u64>,
}

/// Between a proof and the next question.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long a question that was sent may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(1);
/// How long questions may not be sent. The server that is listened to may not be the one that messages are sent to any more.
const PATIENCE: Duration = Duration::from_secs(10);
const DIAL: Duration = Duration::from_secs(2);

impl Listening {
    /// Listens, and finds out whether messages arrive.
    pub(super) async fn start(
        options: &PgConnectOptions,
        channels: Channels,
        calls: &Calls,
        to: &dyn BusListener,
    ) -> Result<Self, BusError> {
        let dialled = timeout(DIAL, dial(options, &channels)).await;
        let listener = dialled.map_err(|_| "PostgreSQL could not be reached within 2 s")??;
        let mut listening = Self { listener, channels, heard: watch::Sender::new(0) };
        let asked = Instant::now();
        calls.notify(&listening.channels.own, "1").await?;
        timeout(ARRIVAL, listening.hear(to, 1)).await.map_err(|_| NO_SESSION)??;
        listening.keep_session().await;
        to.missed();
        to.in_touch(asked);
        Ok(listening)
    }

    /// Hands messages on, until the connection is lost.
    pub(super) async fn run(mut self, calls: &Calls, to: &dyn BusListener) -> BusError {
        let (own, heard) = (self.channels.own.clone(), self.heard.subscribe());
        tokio::select! {
            lost = self.hear(to, u64::MAX) => lost.err().unwrap_or_else(|| "the questions have run out".into()),
            mute = ask(&own, heard, calls, to) => mute,
        }
    }

    /// Hands messages on, until a question arrives.
    async fn hear(&mut self, to: &dyn BusListener, until: u64) -> Result<(), BusError> {
        while *self.heard.borrow() < until {
            let Some(message) = self.listener.try_recv().await? else {
                return Err("the connection to PostgreSQL was lost".into());
            };
            if message.channel() == self.channels.own {
                // Anybody may send anything.
                let number = message.payload().parse().unwrap_or(0);
                self.heard.send_if_modified(|heard| std::mem::replace(heard, number.max(*heard)) < number);
            } else {
                to.apply(&Invalidation::from_json(message.payload().as_bytes()));
            }
        }
        Ok(())
    }

    /// Takes away the limit on idle sessions, which this one always is. Without it, it costs a new connection at each such time.
    async fn keep_session(&mut self) {
        let setting =
            "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'";
        let set = sqlx::query(setting).persistent(false).execute(&mut self.listener);
        if !matches!(timeout(ARRIVAL, set).await, Ok(Ok(_))) {
            tracing::debug!("PostgreSQL's `idle_session_timeout` stays as it is");
        }
    }
}

async fn dial(options: &PgConnectOptions, channels: &Channels) -> Result<PgListener, BusError> {
    let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let mut listener = PgListener::connect_with(&pool.connect_lazy_with(options.clone())).await?;
    // Who has lost a connection has to know.
    listener.eager_reconnect(false);
    if !has_session(&mut listener, options).await.map_err(explained)? {
        return Err(NO_SESSION.into());
    }
    listener.listen_all([&*channels.shared, &*channels.own]).await.map_err(explained)?;
    Ok(listener)
}

/// Whether a connection has a session of its own, as far as can be seen: in a pool that is busy with others, it may be handed the
/// same one again and again. Then no message arrives. But LISTEN stays with sessions of the pool, and messages end up with clients
/// that do not expect them.
async fn has_session(listener: &mut PgListener, options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut other = PgConnection::connect_with(options).await?;
    let first = session(&mut *listener).await?;
    for _ in 0..3 {
        // Holds a session of the pool, if there is one: the last that was used, or another one.
        let mut transaction = other.begin().await?;
        let others = session(&mut *transaction).await?;
        if others == first || session(&mut *listener).await? != first {
            return Ok(false);
        }
        transaction.rollback().await?;
    }
    other.close().await?;
    Ok(true)
}

async fn session<'c>(connection: impl Executor<'c, Database = Postgres>) -> Result<i32, sqlx::Error> {
    // In one round trip, so that it is one session that answers.
    connection.fetch_one("SELECT pg_backend_pid()").await?.try_get(0)
}

/// Asks whether messages arrive, until they do not.
async fn ask(own: &str, mut heard: watch::Receiver<u64>, calls: &Calls, to: &dyn BusListener) -> BusError {
    let (mut number, mut proved) = (*heard.borrow(), Instant::now());
    loop {
        sleep(ASK_EVERY).await;
        number += 1;
        let asked = Instant::now();
        if let Err(error) = calls.notify(own, &number.to_string()).await {
            if proved.elapsed() > PATIENCE {
                return error;
            }
            continue;
        }
        match timeout(ARRIVAL, heard.wait_for(|heard| *heard >= number)).await {
            Ok(Ok(_)) => {}
            _ => return "messages of PostgreSQL do not arrive any more".into(),
        }
        to.in_touch(asked);
        proved = Instant::now();
    }
}
