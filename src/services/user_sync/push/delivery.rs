//! Deliver a chunk to the auth center: retried on transient errors, and halved where it is rejected.

use std::time::Duration;

use super::super::engine::Engine;
use super::super::error::{SyncError, SyncErrorKind};
use super::chunk::{Chunk, ChunkOutcome};
use super::failure::PushFailure;
use super::tally::Tally;
use crate::upstream::api_client::SendError;
use crate::util::backoff::Backoff;
use crate::verifiers::client::{SyncReport, SyncUser};

/// After this many failed attempts of one call, the push ends. It can be resumed after the outage.
const MAX_ATTEMPTS: usize = 8;
const MIN_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(30);

pub(super) async fn deliver(engine: &Engine, chunk: Chunk) -> Result<ChunkOutcome, SyncError> {
    let mut tally = Tally::default();
    let delivered = deliver_parts(engine, &chunk.users, &mut tally).await;
    let Tally { created, skipped, failures } = tally;
    let failed = match &delivered {
        Ok(()) => failures.len() + chunk.failures.len(),
        // Those of which nothing is known are sent again by the next push, if any.
        Err(_) => chunk.len() - (created + skipped + chunk.removed) as usize,
    };
    engine.told_push(created, skipped, failed as u64);
    delivered.map(|()| chunk.into_outcome(created, skipped, failures))
}

async fn deliver_parts(engine: &Engine, users: &[SyncUser], tally: &mut Tally) -> Result<(), SyncError> {
    // A part that is rejected as a whole is halved, down to the user who causes that.
    let mut parts = vec![users];
    while let Some(part) = parts.pop() {
        match (send(engine, part).await?, part) {
            (_, []) => {}
            (Ok(report), _) => tally.add(&report, part),
            (Err(reason), [user]) => {
                tally.failures.push(PushFailure { user: user.username().to_owned(), reason });
            }
            (Err(_), _) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
    }
    Ok(())
}

/// Sends these users. Returns the auth center's report, or the reason for which it rejects them as a whole.
async fn send(engine: &Engine, users: &[SyncUser]) -> Result<Result<SyncReport, String>, SyncError> {
    if users.is_empty() {
        return Ok(Ok(SyncReport::default()));
    }
    let mut backoff = Backoff::new(MIN_PAUSE, MAX_PAUSE);
    let mut attempt = 1;
    loop {
        let failed = |error| {
            let message = format!("users from `{}` on could not be sent to the auth center", first(users));
            SyncError::new(SyncErrorKind::AuthCenter, message).with_source(error)
        };
        match engine.client.push_users(users).await {
            Ok(report) => return Ok(Ok(report)),
            // Redirects, and rejections of this service: any other users would get the same answer.
            Err(SendError::Permanent(error, 300..=399 | 401..=405 | 407 | 410)) => {
                return Err(failed(error));
            }
            Err(SendError::Permanent(error, _)) => return Ok(Err(error.to_string())),
            Err(SendError::Transient(error, _)) if attempt == MAX_ATTEMPTS => return Err(failed(error)),
            Err(SendError::Transient(error, retry_after)) => {
                let pause = backoff.pause().max(retry_after.unwrap_or_default());
                tracing::warn!(%error, attempt, ?pause, "users could not be sent; retrying");
                tokio::time::sleep(pause).await;
                attempt += 1;
            }
        }
    }
}

fn first(users: &[SyncUser]) -> &str {
    users.first().map_or("", SyncUser::username)
}
