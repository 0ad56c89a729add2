//! The users of the legacy system, mapped and cut into chunks.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_core::Stream;
use futures_util::stream::{self, StreamExt};
use serde_json::{Map, Value};

use super::super::engine::Engine;
use super::super::error::{SyncError, SyncErrorKind};
use super::super::mapping;
use super::super::password::{NewPassword, Way};
use super::super::store::{AllUsers, LegacyUser};
use super::{Done, PushFailure};
use crate::client::SyncUser;

/// What one call may carry.
const SIZE: usize = 100;

/// Users to be sent, and those that cannot be.
pub(super) struct Chunk {
    pub(super) users: Vec<SyncUser>,
    failures: Vec<PushFailure>,
    /// The place after the last of them.
    place: Value,
}

impl Chunk {
    fn new() -> Self {
        Self { users: Vec::with_capacity(SIZE), failures: Vec::new(), place: Value::Null }
    }

    fn len(&self) -> usize {
        self.users.len() + self.failures.len()
    }

    /// As if all had been sent, and were new.
    pub(super) fn unsent(self) -> Done {
        let created = self.users.len() as u64;
        self.done(created, 0, Vec::new())
    }

    pub(super) fn done(mut self, created: u64, skipped: u64, failures: Vec<PushFailure>) -> Done {
        let total = self.len() as u64;
        self.failures.extend(failures);
        Done { place: self.place, total, created, skipped, failures: self.failures }
    }
}

/// The chunks after this place. Ends after an error.
pub(super) fn chunks(
    engine: Arc<Engine>,
    place: Option<Value>,
) -> impl Stream<Item = Result<Chunk, SyncError>> + Send {
    let users = engine.store.all(place);
    let reader =
        Reader { engine, users: Some(users), seen: HashSet::new(), hasher: RandomState::new(), failed: None };
    stream::unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((chunk, reader))
    })
}

struct Reader {
    engine: Arc<Engine>,
    /// `None` when there are no more.
    users: Option<AllUsers>,
    /// Hashes of the usernames so far: eight bytes for each user.
    seen: HashSet<u64>,
    hasher: RandomState,
    /// What is told after the chunk before it.
    failed: Option<SyncError>,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Chunk, SyncError>> {
        let mut chunk = Chunk::new();
        while let Some(users) = self.users.as_mut().filter(|_| chunk.len() < SIZE) {
            match users.next().await {
                None => self.users = None,
                Some(Ok((place, user))) => {
                    self.add(&mut chunk, &place, &user);
                    chunk.place = place;
                }
                Some(Err(error)) => {
                    let what = "the users of the legacy system cannot be read";
                    self.failed = Some(SyncError::new(SyncErrorKind::Store, what).with_source(error));
                    self.users = None;
                }
            }
        }
        if chunk.len() > 0 { Some(Ok(chunk)) } else { self.failed.take().map(Err) }
    }

    fn add(&mut self, chunk: &mut Chunk, place: &Value, user: &LegacyUser) {
        match map(&self.engine, user) {
            Ok(user) if self.seen.insert(self.hasher.hash_one(user.username())) => chunk.users.push(user),
            Ok(user) => chunk.failures.push(PushFailure {
                user: user.username().to_owned(),
                reason: "an earlier row has the same username".to_owned(),
            }),
            Err(error) => {
                let name = self.engine.legacy_name(user).unwrap_or_else(|| format!("row {place}"));
                chunk.failures.push(PushFailure { user: name, reason: error.to_string() });
            }
        }
    }
}

fn map(engine: &Engine, row: &LegacyUser) -> Result<SyncUser, SyncError> {
    let mapped = catch_unwind(AssertUnwindSafe(|| {
        let fields = mapping::auth_fields(&engine.config.mappings, row)?;
        Ok((fields, engine.password(row, Way::ToAuth)?))
    }));
    let panicked = || SyncError::new(SyncErrorKind::Mapping, "a mapping or the password policy panicked");
    let (fields, password) = mapped.map_err(|_| panicked())??;
    user(fields, password)
}

fn user(mut fields: Map<String, Value>, password: NewPassword) -> Result<SyncUser, SyncError> {
    let Some(Value::String(username)) = fields.remove("username").filter(|name| *name != "") else {
        let what = "the auth center wants a `username`, and the mappings give it none that is a text";
        return Err(SyncError::new(SyncErrorKind::Mapping, what));
    };
    let user = match password {
        NewPassword::Plain(password) => SyncUser::with_password(username, password),
        NewPassword::Hashed(hash) => SyncUser::with_password_hash(username, hash),
    };
    Ok(fields.into_iter().fold(user, |user, (name, value)| user.field(name, value)))
}
