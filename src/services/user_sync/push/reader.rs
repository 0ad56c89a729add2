//! Read the users of the legacy system, map them, and group them into chunks.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_core::Stream;
use futures_util::stream::{self, StreamExt};
use serde_json::{Map, Value};

use super::super::direction::Direction;
use super::super::engine::Engine;
use super::super::error::{SyncError, SyncErrorKind};
use super::super::hash_format;
use super::super::legacy_user::LegacyUser;
use super::super::mapping;
use super::super::password::NewPassword;
use super::super::store::AllUsers;
use super::chunk::{CHUNK_SIZE, Chunk};
use super::failure::PushFailure;
use crate::verifiers::client::SyncUser;

/// Streams the chunks after this cursor. Ends after an error.
pub(super) fn chunks(
    engine: Arc<Engine>,
    cursor: Option<Value>,
) -> impl Stream<Item = Result<Chunk, SyncError>> + Send {
    let users = engine.store.all(cursor);
    let reader =
        Reader { engine, users: Some(users), seen: HashSet::new(), hasher: RandomState::new(), error: None };
    stream::unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((chunk, reader))
    })
}

struct Reader {
    engine: Arc<Engine>,
    /// `None` after the last user.
    users: Option<AllUsers>,
    /// Hashes of the usernames so far, to find duplicates: 8 bytes per user.
    seen: HashSet<u64>,
    hasher: RandomState,
    /// An error that is returned after the chunk that was read before it.
    error: Option<SyncError>,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Chunk, SyncError>> {
        let mut chunk = Chunk::new();
        while let Some(users) = self.users.as_mut().filter(|_| chunk.len() < CHUNK_SIZE) {
            match users.next().await {
                None => self.users = None,
                Some(Ok((cursor, user))) => {
                    self.add(&mut chunk, &cursor, &user);
                    chunk.cursor = cursor;
                }
                Some(Err(error)) => {
                    let message = "the users of the legacy system cannot be read";
                    self.error = Some(SyncError::new(SyncErrorKind::Store, message).with_source(error));
                    self.users = None;
                }
            }
        }
        if chunk.len() > 0 { Some(Ok(chunk)) } else { self.error.take().map(Err) }
    }

    fn add(&mut self, chunk: &mut Chunk, cursor: &Value, user: &LegacyUser) {
        if self.engine.is_gone(user) {
            chunk.removed += 1;
            return;
        }
        match map(&self.engine, user) {
            Ok(user) if self.seen.insert(self.hasher.hash_one(user.username())) => chunk.users.push(user),
            Ok(user) => chunk.failures.push(PushFailure {
                user: user.username().to_owned(),
                reason: "an earlier row has the same username".to_owned(),
            }),
            Err(error) => {
                let name = self.engine.display_name(user).unwrap_or_else(|| format!("row {cursor}"));
                chunk.failures.push(PushFailure { user: name, reason: error.to_string() });
            }
        }
    }
}

/// Maps a row. A panic of the app's functions fails this user only.
fn map(engine: &Engine, row: &LegacyUser) -> Result<SyncUser, SyncError> {
    let mapped = catch_unwind(AssertUnwindSafe(|| {
        let fields = mapping::auth_fields(&engine.config.mappings, row)?;
        Ok((fields, engine.password(row, Direction::ToAuth)?))
    }));
    let panicked = || SyncError::new(SyncErrorKind::Mapping, "a mapping or the password policy panicked");
    let (fields, password) = mapped.map_err(|_| panicked())??;
    sync_user(fields, password)
}

fn sync_user(mut fields: Map<String, Value>, password: NewPassword) -> Result<SyncUser, SyncError> {
    let Some(Value::String(username)) = fields.remove("username").filter(|name| *name != "") else {
        let message = "`username` must be a non-empty text for the auth center: map a column to it";
        return Err(SyncError::new(SyncErrorKind::Mapping, message));
    };
    let user = match password {
        NewPassword::Plain(password) => SyncUser::with_password(username, password),
        NewPassword::Hashed(hash) => {
            hash_format::check_bcrypt(hash.expose())
                .map_err(|message| SyncError::new(SyncErrorKind::NoPassword, message))?;
            SyncUser::with_password_hash(username, hash)
        }
    };
    Ok(fields.into_iter().fold(user, |user, (name, value)| user.field(name, value)))
}
