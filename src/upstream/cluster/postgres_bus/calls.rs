use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::shared_session::explained;
use crate::ports::invalidation_bus::BusError;

/// The connections that messages are sent over. One is thrown away when a call fails, or is dropped: it may be mute.
///
/// Commits with messages wait for one another, in all databases of a server. So whoever gets a connection sends all that waits.
pub(super) struct Calls {
    options: PgConnectOptions,
    idle: Mutex<Vec<PgConnection>>,
    slots: Semaphore,
    waiting: Mutex<Vec<Message>>,
}

struct Message {
    channel: String,
    payload: String,
    sent: oneshot::Sender<Result<(), String>>,
}

impl Calls {
    /// Two, so that one which is mute does not stop the other.
    const CONNECTIONS: usize = 2;
    const BATCH: usize = 256;
    /// What a message may take, with its connection.
    pub(super) const TIMEOUT: Duration = Duration::from_secs(1);

    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self {
            options,
            idle: Mutex::default(),
            slots: Semaphore::new(Self::CONNECTIONS),
            waiting: Mutex::default(),
        }
    }

    /// Sends a message. When this returns, whoever listens gets it before all that are sent later.
    pub(super) async fn notify(&self, channel: &str, payload: &str) -> Result<(), BusError> {
        let (sent, mut is_sent) = oneshot::channel();
        lock(&self.waiting).push(Message { channel: channel.to_owned(), payload: payload.to_owned(), sent });
        let call = async {
            tokio::select! {
                biased;
                sent = &mut is_sent => return sent,
                slot = self.slots.acquire() => {
                    // Never closed.
                    let _slot = slot;
                    self.send_waiting().await;
                }
            }
            // By this call, or by another one that has it in hand.
            is_sent.await
        };
        match timeout(Self::TIMEOUT, call).await {
            Ok(Ok(sent)) => Ok(sent?),
            Ok(Err(_)) => Err("the call that was to send the message was dropped".into()),
            Err(_) => Err("PostgreSQL did not answer within 1 s".into()),
        }
    }

    async fn send_waiting(&self) {
        let batch = {
            let mut waiting = lock(&self.waiting);
            // Given up meanwhile.
            waiting.retain(|message| !message.sent.is_closed());
            let len = waiting.len().min(Self::BATCH);
            waiting.drain(..len).collect::<Vec<_>>()
        };
        if batch.is_empty() {
            return;
        }
        let sent = self.send(&batch).await.map_err(|error| explained(error).to_string());
        for message in batch {
            // Fails if it was given up meanwhile.
            let _ = message.sent.send(sent.clone());
        }
    }

    async fn send(&self, batch: &[Message]) -> Result<(), sqlx::Error> {
        let idle = lock(&self.idle).pop();
        // One that was idle may have ended meanwhile. Sent twice, a message does no harm.
        if let Some(idle) = idle
            && self.send_over(idle, batch).await.is_ok()
        {
            return Ok(());
        }
        let fresh = PgConnection::connect_with(&self.options).await?;
        self.send_over(fresh, batch).await
    }

    async fn send_over(&self, mut connection: PgConnection, batch: &[Message]) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(statement(batch))).execute(&mut connection).await?;
        lock(&self.idle).push(connection);
        Ok(())
    }
}

/// Sends all messages. In one round trip, and without a setting of the session: behind a pooler, the next goes to another one.
fn statement(batch: &[Message]) -> String {
    let values: Vec<_> = batch
        .iter()
        .map(|message| format!("({}, {})", literal(&message.channel), literal(&message.payload)))
        .collect();
    // A message does not outlive a crash, which all connections end with anyway, and so need not wait for the disk.
    format!(
        "SELECT set_config('synchronous_commit', 'off', true), pg_notify(channel, payload) FROM (VALUES {}) \
         AS message (channel, payload)",
        values.join(", ")
    )
}

/// Quotes a text in ASCII, whatever the server thinks of backslashes in other literals.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', r"\\").replace('\'', "''"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_literal_but_its_end() {
        for (text, quoted) in [
            ("{\"kind\":\"all\"}", r#"E'{"kind":"all"}'"#),
            ("it's", "E'it''s'"),
            (r"\u5f20", r"E'\\u5f20'"),
            (r"\'; DROP TABLE t; --", r"E'\\''; DROP TABLE t; --'"),
            ("", "E''"),
        ] {
            assert_eq!(literal(text), quoted);
        }
    }
}
