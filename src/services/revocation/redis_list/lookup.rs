use redis::{Pipeline, RedisResult, Value};

use super::found::{Found, FoundEntry};
use super::keys::{Keys, Name, instant_of};
use crate::services::revocation::list::{ALL, Kind};
use crate::types::revocation::instant;
use crate::upstream::redis_link::{Connection, LinkError};
use crate::util::clock::Clock;

/// Looks up what Redis has under names, in one round trip.
pub(super) async fn look_up(
    connection: &Connection,
    keys: &Keys,
    names: Vec<Name>,
    clock: &Clock,
) -> Result<Vec<Found>, LinkError> {
    if names.is_empty() {
        return Ok(vec![]);
    }
    let mut pipeline = Pipeline::with_capacity(names.len() * 2);
    pipeline.ignore_errors();
    for name in &names {
        let key = keys.key(name);
        if name.kind == Kind::User {
            pipeline.cmd("GET").arg(&key);
        }
        pipeline.cmd("PTTL").arg(key);
    }
    let answers: Vec<RedisResult<Value>> = connection.pipeline(&pipeline).await?;
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
    let now = instant(clock.today());
    names
        .into_iter()
        .map(|name| {
            let before = match name.kind {
                Kind::User => instant_of(text(next())?.as_deref(), now),
                Kind::Token | Kind::Session => ALL,
            };
            let entry = match redis::from_redis_value::<i64>(next()?).map_err(redis::RedisError::from)? {
                -2 => None,
                -1 => Some(FoundEntry { before, rest: None }),
                rest => Some(FoundEntry { before, rest: Some(rest.unsigned_abs()) }),
            };
            Ok(Found { name, entry })
        })
        .collect()
}

/// `None` for a key that is no text, too.
fn text(answer: RedisResult<Value>) -> Result<Option<Vec<u8>>, LinkError> {
    match answer {
        Ok(Value::BulkString(text)) => Ok(Some(text)),
        Ok(_) => Ok(None),
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
        Err(error) => Err(error.into()),
    }
}
