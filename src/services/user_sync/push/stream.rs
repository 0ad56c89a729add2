use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::super::direction::Direction;
use super::super::engine::Engine;
use super::super::error::SyncError;
use super::checkpoint::Checkpoint;
use super::chunk::ChunkOutcome;
use super::event::PushEvent;
use super::options::PushOptions;
use super::summary::PushSummary;
use super::{delivery, reader};

type Events = Pin<Box<dyn Stream<Item = Result<PushEvent, SyncError>> + Send>>;

/// A push in progress: a stream of its events. When it is dropped, nothing more is sent; chunks in flight may still arrive.
///
/// The stream ends after its first error, such as when the auth center stays unavailable or rejects the app. With a
/// checkpoint, another push can resume it.
#[must_use = "nothing is pushed unless it is polled"]
pub struct Push {
    events: Events,
}

impl Push {
    pub(crate) fn new(engine: Arc<Engine>, options: PushOptions) -> Self {
        let events = stream::once(start(engine, options)).try_flatten();
        Self { events: Box::pin(events) }
    }

    /// Pushes all users, and returns the totals.
    ///
    /// # Errors
    /// The first error that ended the push. Users that failed on their own are in the summary.
    pub async fn finish(mut self) -> Result<PushSummary, SyncError> {
        let mut last = PushSummary::default();
        while let Some(event) = self.events.try_next().await? {
            if let PushEvent::Resumed(summary) | PushEvent::Progress(summary) = event {
                last = summary;
            }
        }
        Ok(last)
    }
}

impl Stream for Push {
    type Item = Result<PushEvent, SyncError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").finish_non_exhaustive()
    }
}

async fn start(engine: Arc<Engine>, options: PushOptions) -> Result<Events, SyncError> {
    engine.check_direction(Direction::ToAuth)?;
    engine.password_policy()?;
    let checkpoint = match options.checkpoint.filter(|_| !options.dry_run) {
        Some(file) => Checkpoint::open(file, engine.client.app_id(), options.resume).await?,
        None => Checkpoint::none(),
    };
    let resumed = checkpoint.summary().cloned();
    let first = stream::iter(resumed.clone().map(PushEvent::Resumed).map(Ok));
    if checkpoint.is_finished() {
        return Ok(Box::pin(first));
    }
    let (dry_run, cursor) = (options.dry_run, checkpoint.cursor());
    let chunks = reader::chunks(engine.clone(), cursor).map(move |chunk| {
        let engine = engine.clone();
        async move {
            match chunk {
                Ok(chunk) if dry_run => Ok(chunk.into_dry_run()),
                Ok(chunk) => delivery::deliver(&engine, chunk).await,
                Err(error) => Err(error),
            }
        }
    });
    // In order, so that a checkpoint is never ahead of a chunk that is still in flight.
    let outcomes = Box::pin(chunks.buffered(options.max_in_flight));
    let progress = Progress { outcomes, checkpoint, summary: resumed.unwrap_or_default(), ended: false };
    Ok(Box::pin(first.chain(progress.events())))
}

/// Counts the chunks, and writes the checkpoints.
struct Progress {
    outcomes: Pin<Box<dyn Stream<Item = Result<ChunkOutcome, SyncError>> + Send>>,
    checkpoint: Checkpoint,
    summary: PushSummary,
    ended: bool,
}

impl Progress {
    fn events(self) -> impl Stream<Item = Result<PushEvent, SyncError>> + Send {
        let chunks = stream::unfold(self, |mut progress| async move {
            let events = progress.next().await?;
            Some((events, progress))
        });
        chunks.map_ok(|events| stream::iter(events.into_iter().map(Ok))).try_flatten()
    }

    /// Returns the events of the next chunk. After the first error, no further chunk is polled, so that none after the
    /// failed one is counted as complete.
    async fn next(&mut self) -> Option<Result<Vec<PushEvent>, SyncError>> {
        if self.ended {
            return None;
        }
        let events = match self.outcomes.next().await {
            Some(Ok(outcome)) => self.add(outcome).await,
            Some(Err(error)) => Err(error),
            None => {
                self.ended = true;
                self.checkpoint.finish(&self.summary).await.map(|()| Vec::new())
            }
        };
        self.ended |= events.is_err();
        Some(events)
    }

    async fn add(&mut self, outcome: ChunkOutcome) -> Result<Vec<PushEvent>, SyncError> {
        self.summary.add(&outcome);
        self.checkpoint.write(outcome.cursor, &self.summary).await?;
        let failures = outcome.failures.into_iter().map(PushEvent::Failed);
        Ok(failures.chain([PushEvent::Progress(self.summary.clone())]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::user_sync::SyncErrorKind;

    #[tokio::test]
    async fn no_chunk_is_polled_after_an_error() {
        let mut polls = 0;
        let outcomes = stream::poll_fn(move |_| {
            polls += 1;
            let cursor = serde_json::Value::Null;
            Poll::Ready(Some(match polls {
                1 => Ok(ChunkOutcome {
                    cursor,
                    total: 1,
                    created: 1,
                    skipped: 0,
                    removed: 0,
                    failures: Vec::new(),
                }),
                2 => Err(SyncError::new(SyncErrorKind::AuthCenter, "gone")),
                _ => panic!("polled again"),
            }))
        });
        let (checkpoint, summary) = (Checkpoint::none(), PushSummary::default());
        let progress = Progress { outcomes: Box::pin(outcomes), checkpoint, summary, ended: false };
        let events: Vec<_> = progress.events().map(|event| event.is_ok()).collect().await;
        assert_eq!(events, [true, false]);
    }
}
