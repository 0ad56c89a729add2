//! A chunk on its way to the auth center: sent again while that may help, and taken apart where it is refused.

use std::time::Duration;

use serde_json::Value;

use super::super::engine::Engine;
use super::super::error::{SyncError, SyncErrorKind};
use super::{Chunk, Done, PushFailure};
use crate::backoff::Backoff;
use crate::client::{SyncReport, SyncUser};
use crate::transport::Unreported;

/// After so many vain attempts in a row, the push ends: resume it when the auth center is back.
const ATTEMPTS: usize = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What the auth center made of some users.
#[derive(Default)]
struct Tally {
    created: u64,
    skipped: u64,
    failures: Vec<PushFailure>,
}

pub(super) async fn deliver(engine: &Engine, chunk: Chunk) -> Result<Done, SyncError> {
    let mut tally = Tally::default();
    // What is refused as a whole is halved until the culprit is alone.
    let mut parts = vec![&*chunk.users];
    while let Some(part) = parts.pop() {
        match (send(engine, part).await?, part) {
            (_, []) => {}
            (Ok(report), _) => tally.add(report),
            (Err(reason), [user]) => {
                tally.failures.push(PushFailure { user: user.username().to_owned(), reason });
            }
            (Err(_), _) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
    }
    let Tally { created, skipped, failures } = tally;
    Ok(chunk.done(created, skipped, failures))
}

/// The report on these users, or why they are refused together.
async fn send(engine: &Engine, users: &[SyncUser]) -> Result<Result<SyncReport, String>, SyncError> {
    if users.is_empty() {
        return Ok(Ok(SyncReport::default()));
    }
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut attempt = 1;
    loop {
        let stopped = |error| {
            let what = format!("the auth center could not be given users from `{}` on", first(users));
            SyncError::new(SyncErrorKind::AuthCenter, what).with_source(error)
        };
        match engine.client.push_users(users).await {
            Ok(report) => return Ok(Ok(report)),
            // It is this service that is refused, and so is every user.
            Err(Unreported::ForGood(error, 401 | 403 | 404)) => return Err(stopped(error)),
            Err(Unreported::ForGood(error, _)) => return Ok(Err(error.to_string())),
            Err(Unreported::ForNow(error, _)) if attempt == ATTEMPTS => return Err(stopped(error)),
            Err(Unreported::ForNow(error, asked)) => {
                let pause = backoff.pause().max(asked.unwrap_or_default());
                tracing::warn!(%error, attempt, ?pause, "users are sent again");
                tokio::time::sleep(pause).await;
                attempt += 1;
            }
        }
    }
}

fn first(users: &[SyncUser]) -> &str {
    users.first().map_or("", SyncUser::username)
}

impl Tally {
    fn add(&mut self, report: SyncReport) {
        self.created += report.success;
        self.skipped += report.skipped;
        let named = report.errors.len() as u64;
        self.failures.extend(report.errors.iter().map(failure));
        for _ in named..report.failed {
            let reason = "the auth center counts a failure that it does not explain".to_owned();
            self.failures.push(PushFailure { user: "unnamed".to_owned(), reason });
        }
    }
}

/// The auth center words failures as it likes: a text, or an object with a name and a reason.
fn failure(error: &Value) -> PushFailure {
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| error.get(name).filter(|value| !value.is_null()));
        found.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let user = text(&["username", "user", "name"]).unwrap_or_else(|| "unnamed".to_owned());
    let whole = || error.as_str().map_or_else(|| error.to_string(), str::to_owned);
    let reason = text(&["error", "message", "reason"]).unwrap_or_else(whole);
    PushFailure { user, reason: reason.chars().take(500).collect() }
}
