//! Ask Redis about the stream, in one round trip.
//!
//! Not in a transaction: a Redis that is full refuses every command within MULTI, also those that only read. So the end of the stream is
//! asked first, and what was added after that is left out.

use std::collections::HashMap;

use redis::{Pipeline, RedisResult, Value};

use super::id::Id;
use super::message::Content;
use super::proof::{Position, Server, Stream};
use crate::upstream::redis_link::{Connection, LinkError};

/// What Redis said.
pub(super) struct Observed {
    pub(super) server: Server,
    /// `None` if there is no stream.
    pub(super) stream: Option<Stream>,
    /// The entries after the position.
    pub(super) entries: Vec<(Id, Content)>,
}

/// How to know that Redis is the same.
#[derive(Clone, Copy)]
pub(super) enum Identify {
    /// By INFO; where that is refused, by the number of the connection.
    ByInfo(u64),
    ByConnection(u64),
}

pub(super) async fn observe(
    connection: &Connection,
    key: &str,
    after: Option<Id>,
    identify: Identify,
) -> Result<Observed, LinkError> {
    let mut pipeline = Pipeline::new();
    pipeline.ignore_errors();
    pipeline.cmd("XINFO").arg("STREAM").arg(key);
    if let Some(after) = after {
        let count = Position::MAX_BEHIND + 1;
        pipeline.cmd("XRANGE").arg(key).arg(format!("({after}")).arg("+").arg("COUNT").arg(count);
    }
    if let Identify::ByInfo(_) = identify {
        pipeline.cmd("INFO").arg("server");
    }
    let answers: Vec<RedisResult<Value>> = connection.pipeline(&pipeline).await?;
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
    let stream = stream(next())?;
    let mut entries = match after {
        Some(_) => entries(&next()?)?,
        None => vec![],
    };
    entries.retain(|(id, _)| stream.is_some_and(|stream| *id <= stream.last));
    let server = match identify {
        Identify::ByConnection(number) => Server::Behind(number),
        Identify::ByInfo(number) => match next() {
            Ok(info) => Server::Run(run_id(info)?),
            // INFO is not allowed to everybody.
            Err(_) => Server::Behind(number),
        },
    };
    Ok(Observed { server, stream, entries })
}

/// Asks for the end of the stream alone.
pub(super) async fn end(connection: &Connection, key: &str) -> Result<Option<Stream>, LinkError> {
    Ok(observe(connection, key, None, Identify::ByConnection(0)).await?.stream)
}

fn run_id(info: Value) -> Result<Box<str>, LinkError> {
    let info: String = redis::from_redis_value(info).map_err(redis::RedisError::from)?;
    let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    run_id.map(Into::into).ok_or_else(|| unreadable("INFO names no run_id"))
}

fn stream(answer: RedisResult<Value>) -> Result<Option<Stream>, LinkError> {
    let info = match answer {
        Ok(info) => info,
        Err(error) if error.to_string().contains("no such key") => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let info: HashMap<String, Value> = redis::from_redis_value(info).map_err(redis::RedisError::from)?;
    let last = match info.get("last-generated-id") {
        Some(Value::BulkString(id)) => id_of(id),
        Some(Value::SimpleString(id)) => id_of(id.as_bytes()),
        _ => None,
    };
    match (last, info.get("entries-added")) {
        (Some(last), Some(Value::Int(added))) => {
            Ok(Some(Stream { last, added: u64::try_from(*added).unwrap_or(0) }))
        }
        _ => Err(unreadable("Redis 7.0 or later is needed, which counts the entries of a stream")),
    }
}

pub(super) fn entries(answer: &Value) -> Result<Vec<(Id, Content)>, LinkError> {
    let Value::Array(entries) = answer else { return Err(unreadable("XRANGE gave no entries")) };
    let entry = |entry: &Value| match entry {
        Value::Array(parts) => match &parts[..] {
            [Value::BulkString(id), Value::Array(fields)] => Some((id_of(id)?, Content::of_fields(fields))),
            _ => None,
        },
        _ => None,
    };
    entries.iter().map(entry).collect::<Option<_>>().ok_or_else(|| unreadable("XRANGE gave no entry"))
}

fn id_of(id: &[u8]) -> Option<Id> {
    std::str::from_utf8(id).ok()?.parse().ok()
}

fn unreadable(why: &str) -> LinkError {
    LinkError::Refused(why.into())
}
