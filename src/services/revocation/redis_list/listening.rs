use std::sync::Arc;

use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc;

use super::keys::{Keys, Name};
use super::known::Known;
use super::lookup::look_up;
use crate::upstream::redis_link::{Connection, LinkError, Session, is_flush};

/// Learns of revocations by push: `CLIENT TRACKING` in broadcast mode on the prefix.
///
/// A push names a key that has changed, so that each is looked up. What was there before is read by SCAN, once a connection. All
/// of it by one task and on one connection, so that what is handed in last is what Redis had last.
pub(super) struct Listening {
    pub(super) keys: Keys,
    pub(super) known: Arc<Known>,
}

/// So many names are looked up at a time.
const BATCH: usize = 256;
/// So many keys SCAN looks at, at a time: about a millisecond of Redis's.
const SCAN_COUNT: usize = 1_000;

impl Session for Listening {
    async fn run(&self, connection: &Connection, pushes: &mut mpsc::Receiver<PushInfo>) -> LinkError {
        match self.listen(connection, pushes).await {
            Ok(()) => LinkError::Down,
            Err(error) => error,
        }
    }

    fn lost(&self) {
        self.known.lost();
    }
}

impl Listening {
    async fn listen(
        &self,
        connection: &Connection,
        pushes: &mut mpsc::Receiver<PushInfo>,
    ) -> Result<(), LinkError> {
        let mut tracking = redis::cmd("CLIENT");
        tracking.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(&*self.keys.prefix);
        connection.query::<()>(&tracking).await?;
        let unlooked = self.known.connected();
        let found = look_up(connection, &self.keys, unlooked, self.known.clock()).await?;
        self.known.looked_up_late(found);
        let mut cursor = Some(0);
        // Those that were read.
        let mut flushes = 0;
        let mut waiting = Vec::new();
        loop {
            waiting.clear();
            match cursor {
                Some(_) => {
                    while waiting.len() < BATCH {
                        let Ok(push) = pushes.try_recv() else { break };
                        waiting.push(push);
                    }
                }
                None => {
                    if pushes.recv_many(&mut waiting, BATCH).await == 0 {
                        return Ok(());
                    }
                }
            }
            // In turns, so that neither keeps the other waiting.
            self.catch_up(connection, &waiting, flushes).await?;
            flushes += waiting.iter().filter(|push| is_flush(push)).count() as u64;
            if let Some(position) = cursor {
                cursor = self.scan(connection, position, flushes).await?;
                if cursor.is_none() {
                    self.known.read();
                }
            }
        }
    }

    async fn catch_up(
        &self,
        connection: &Connection,
        pushes: &[PushInfo],
        flushes: u64,
    ) -> Result<(), LinkError> {
        let mut names: Vec<_> = pushes.iter().flat_map(|push| self.names(push)).collect();
        names.sort_unstable_by(|one, other| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
        names.dedup();
        self.known.changed(&names);
        self.look_up(connection, names, flushes).await
    }

    /// Keys that have changed. None when Redis was flushed: what was revoked stays so until its end.
    fn names(&self, push: &PushInfo) -> Vec<Name> {
        let name = |key: &Value| match key {
            Value::BulkString(key) => self.keys.name(key),
            Value::SimpleString(key) => self.keys.name(key.as_bytes()),
            _ => None,
        };
        match (&push.kind, push.data.first()) {
            (PushKind::Invalidate, Some(Value::Array(keys))) => keys.iter().filter_map(name).collect(),
            _ => vec![],
        }
    }

    async fn scan(
        &self,
        connection: &Connection,
        cursor: u64,
        flushes: u64,
    ) -> Result<Option<u64>, LinkError> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(self.keys.pattern()).arg("COUNT").arg(SCAN_COUNT);
        let (next, keys): (u64, Vec<Vec<u8>>) = connection.query(&scan).await?;
        let names = keys.iter().filter_map(|key| self.keys.name(key)).collect();
        self.look_up(connection, names, flushes).await?;
        Ok((next != 0).then_some(next))
    }

    /// Looks names up that were told of after so many flushes, and before any other.
    async fn look_up(
        &self,
        connection: &Connection,
        names: Vec<Name>,
        flushes: u64,
    ) -> Result<(), LinkError> {
        let found = look_up(connection, &self.keys, names, self.known.clock()).await?;
        if connection.flushes() == flushes {
            self.known.looked_up(&found);
        } else {
            self.known.looked_up_late(found);
        }
        Ok(())
    }
}
