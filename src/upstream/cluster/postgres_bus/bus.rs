use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use super::calls::Calls;
use super::listening::{Channels, Listening};
use super::payload::payload;
use crate::ports::invalidation::Invalidation;
use crate::ports::invalidation_bus::{BusError, BusListener, InvalidationBus};
use crate::types::error::BuildError;

/// Carries invalidations by PostgreSQL's `LISTEN` and `NOTIFY`, for services that have no Redis. No table is needed, and no privilege but
/// that to connect.
///
/// ```no_run
/// use aigc_auth::AuthClient;
/// use aigc_auth::cluster::{Cluster, PostgresBus};
///
/// # async fn example() -> Result<(), aigc_auth::error::BuildError> {
/// let bus = PostgresBus::connect("postgres://app:password@db.example.com/app")?;
/// let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth")
///     .cluster(Cluster::new(bus)?)
///     .build()?;
/// # Ok(()) }
/// ```
///
/// # What it needs
///
/// - A session of its own to listen in: PostgreSQL itself, or a pooler in session mode. One that lends out sessions a transaction at a
///   time, such as PgBouncer with `pool_mode = transaction`, drops messages; that is found when it connects, and said in the log.
/// - The primary: a standby has neither `LISTEN` nor `NOTIFY`.
/// - Three connections: one to listen, and up to two to send, dialled when they are needed.
/// - One database for all replicas. Whoever may connect to it can read the ids and usernames that are invalidated, and can have users
///   looked up anew.
///
/// # What is certain
///
/// PostgreSQL keeps no message for who is not listening. So a replica forgets everything that it has cached whenever its listening
/// connection was lost, as by a restart or a failover: once, when it listens again. Every half second it sends itself a question over
/// another connection; messages arrive in the order in which they were sent, so that the answer proves that nothing is missing. Where
/// none arrives within a second, it connects anew. [`Cluster`](super::super::Cluster) has the bound for what is served meanwhile.
///
/// A message that is longer than 8,000 bytes, of a user whose name is, invalidates all users. A queue of `NOTIFY` that is full (8 GB by
/// default, by a session that listens and does not end its transaction) refuses messages: they wait here, and the webhook is not
/// acknowledged.
///
/// # How many replicas
///
/// Up to version 18 of PostgreSQL, each message wakes all sessions that listen in the database. The questions of 50 replicas cause 5,000
/// such wake-ups a second, those of 1,000 two million: this is for tens of replicas.
pub struct PostgresBus {
    options: PgConnectOptions,
    channel: String,
    /// The end of its own channel's name.
    replica: String,
    calls: Calls,
}

impl PostgresBus {
    const CHANNEL: &str = "aigc_auth";
    /// Of the 63 bytes of a name, an underscore and the replica's number take 17.
    const MAX_CHANNEL: usize = 46;

    /// Takes the database of this URL, `postgres://user:password@host/database`, with TLS as it says (`sslmode`). Does not connect.
    ///
    /// # Errors
    /// If the URL is invalid. The error does not show it.
    pub fn connect(url: impl AsRef<str>) -> Result<Self, BuildError> {
        let options = PgConnectOptions::from_str(url.as_ref()).map_err(|_| {
            BuildError::new(
                "invalid URL of PostgreSQL: expected one such as `postgres://user:password@host/database`, special characters \
                 percent-encoded",
            )
        })?;
        // Poolers refuse `extra_float_digits` when a connection starts. Of a message, no statement is logged.
        let options = sqlx::ConnectOptions::disable_statement_logging(options.extra_float_digits(None));
        Ok(Self {
            calls: Calls::new(options.clone()),
            options,
            channel: Self::CHANNEL.to_owned(),
            replica: format!("{:016x}", fastrand::u64(..)),
        })
    }

    /// Sets the name of the channel, of up to 46 letters, digits and underscores in ASCII. Defaults to `aigc_auth`. Services that
    /// share a database and have different users take different ones.
    ///
    /// # Errors
    /// If it is empty, longer, or has other characters.
    pub fn channel(mut self, name: impl Into<String>) -> Result<Self, BuildError> {
        let name = name.into();
        let is_plain = name.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
        if name.is_empty() || name.len() > Self::MAX_CHANNEL || !is_plain {
            return Err(BuildError::new(format!(
                "expected a channel of 1 to {} letters, digits and underscores, found `{name}`",
                Self::MAX_CHANNEL
            )));
        }
        self.channel = name;
        Ok(self)
    }

    async fn hear(&self, listener: &dyn BusListener) -> Result<BusError, BusError> {
        let channels =
            Channels { shared: self.channel.clone(), own: format!("{}_{}", self.channel, self.replica) };
        let listening = Listening::start(&self.options, channels, &self.calls, listener).await?;
        Ok(listening.run(&self.calls, listener).await)
    }
}

impl InvalidationBus for PostgresBus {
    async fn publish(&self, invalidation: &Invalidation) -> Result<(), BusError> {
        self.calls.notify(&self.channel, &payload(invalidation)).await
    }

    async fn listen(&self, listener: &dyn BusListener) -> BusError {
        self.hear(listener).await.unwrap_or_else(|error| error)
    }
}

impl fmt::Debug for PostgresBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresBus").field("channel", &self.channel).finish_non_exhaustive()
    }
}
