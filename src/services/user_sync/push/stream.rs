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
use super::event::PushEvent;
use super::options::PushOptions;
use super::progress::Progress;
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
    let progress = Progress::new(outcomes, options.max_in_flight, checkpoint, resumed.unwrap_or_default());
    let events = progress.map_ok(|events| stream::iter(events.into_iter().map(Ok))).try_flatten();
    Ok(Box::pin(first.chain(events)))
}
