//! All users of the legacy system, pushed to the auth center.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::engine::Engine;
use super::error::SyncError;
use super::password::Way;
use checkpoint::Checkpoint;
use chunks::Chunk;

mod checkpoint;
mod chunks;
mod delivery;

/// How [`UserSync::push_all`](super::UserSync::push_all) goes about it.
#[derive(Clone, Debug)]
#[must_use]
pub struct PushOptions {
    checkpoint: Option<PathBuf>,
    resume: bool,
    dry_run: bool,
    in_flight: usize,
}

impl Default for PushOptions {
    fn default() -> Self {
        Self { checkpoint: None, resume: false, dry_run: false, in_flight: 4 }
    }
}

impl PushOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps in this file how far the push has come, so that another can [resume](Self::resume) it. It is written after
    /// each chunk, beside itself first, so that a crash leaves the last one whole. Defaults to none.
    pub fn checkpoint(mut self, file: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(file.into());
        self
    }

    /// Goes on where the checkpoint file says that the last push ended, if there is one. Defaults to starting anew.
    pub fn resume(mut self) -> Self {
        self.resume = true;
        self
    }

    /// Reads and maps all users, and sends none.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Sets how many chunks of 100 users may be on their way at a time. Defaults to 4.
    pub fn in_flight(mut self, chunks: usize) -> Self {
        self.in_flight = chunks.clamp(1, 64);
        self
    }
}

/// What has become of all users so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct PushSummary {
    /// How many were read.
    pub total: u64,
    /// How many are new to the auth center; in a dry run, how many would have been sent.
    pub created: u64,
    /// How many it knew already, and left as they were.
    pub skipped: u64,
    /// How many failed, each for a reason of its own.
    pub failed: u64,
    /// The first 1,000 that failed. [`PushEvent::Failed`] tells of all.
    pub failures: Vec<PushFailure>,
}

impl PushSummary {
    const FAILURES: usize = 1_000;

    fn add(&mut self, chunk: &Done) {
        self.total += chunk.total;
        self.created += chunk.created;
        self.skipped += chunk.skipped;
        self.failed += chunk.failures.len() as u64;
        let room = Self::FAILURES.saturating_sub(self.failures.len());
        self.failures.extend(chunk.failures.iter().take(room).cloned());
    }
}

/// A user who did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct PushFailure {
    /// His username, or else his place in the legacy system.
    pub user: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for PushFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.user, self.reason)
    }
}

/// What happens during a push.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PushEvent {
    /// It goes on where the last one ended, with what that had done.
    Resumed(PushSummary),
    /// A user failed; the rest goes on.
    Failed(PushFailure),
    /// A chunk is done: what has become of all users so far.
    Progress(PushSummary),
}

/// A push under way: a stream of what happens. Dropped, it sends no more; chunks that are on their way may arrive.
///
/// It ends after its first error, as when the auth center stays away or refuses the app. With a checkpoint, another
/// push goes on from there.
#[must_use = "nothing is pushed unless it is polled"]
pub struct Push {
    events: Pin<Box<dyn Stream<Item = Result<PushEvent, SyncError>> + Send>>,
}

/// What has become of a chunk.
struct Done {
    /// The place after it.
    place: serde_json::Value,
    total: u64,
    created: u64,
    skipped: u64,
    failures: Vec<PushFailure>,
}

impl Push {
    pub(super) fn new(engine: Arc<Engine>, options: PushOptions) -> Self {
        let events = stream::once(start(engine, options)).try_flatten();
        Self { events: Box::pin(events) }
    }

    /// Pushes to the end.
    ///
    /// # Errors
    /// The first error that ended it. Users that failed on their own are in the summary.
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

type Events = Pin<Box<dyn Stream<Item = Result<PushEvent, SyncError>> + Send>>;

async fn start(engine: Arc<Engine>, options: PushOptions) -> Result<Events, SyncError> {
    engine.check(Way::ToAuth)?;
    engine.has_passwords()?;
    let checkpoint = match options.checkpoint.filter(|_| !options.dry_run) {
        Some(file) => Checkpoint::open(file, engine.client.app_id(), options.resume).await?,
        None => Checkpoint::none(),
    };
    let resumed = checkpoint.summary().cloned();
    let first = stream::iter(resumed.clone().map(PushEvent::Resumed).map(Ok));
    if checkpoint.is_finished() {
        return Ok(Box::pin(first));
    }
    let (dry_run, place) = (options.dry_run, checkpoint.place());
    let chunks = chunks::chunks(engine.clone(), place).map(move |chunk| {
        let engine = engine.clone();
        async move {
            match chunk {
                Ok(chunk) if dry_run => Ok(chunk.unsent()),
                Ok(chunk) => delivery::deliver(&engine, chunk).await,
                Err(error) => Err(error),
            }
        }
    });
    // In the order of the chunks, so that a checkpoint never runs ahead of one that is still on its way.
    let done = chunks.buffered(options.in_flight);
    let course =
        Course { done: Box::pin(done), checkpoint, summary: resumed.unwrap_or_default(), ended: false };
    Ok(Box::pin(first.chain(course.events())))
}

/// A push on its way.
struct Course {
    done: Pin<Box<dyn Stream<Item = Result<Done, SyncError>> + Send>>,
    checkpoint: Checkpoint,
    summary: PushSummary,
    ended: bool,
}

impl Course {
    fn events(self) -> impl Stream<Item = Result<PushEvent, SyncError>> + Send {
        let chunks = stream::unfold(self, |mut course| async move {
            let events = course.next().await?;
            Some((events, course))
        });
        chunks.map_ok(|events| stream::iter(events.into_iter().map(Ok))).try_flatten()
    }

    /// What has happened to the next chunk. Ends after the first error: what follows is not even asked for, lest a chunk
    /// after it be counted as done.
    async fn next(&mut self) -> Option<Result<Vec<PushEvent>, SyncError>> {
        if self.ended {
            return None;
        }
        let events = match self.done.next().await {
            Some(Ok(done)) => self.count(done).await,
            Some(Err(error)) => Err(error),
            None => {
                self.ended = true;
                self.checkpoint.finish(&self.summary).await.map(|()| Vec::new())
            }
        };
        self.ended |= events.is_err();
        Some(events)
    }

    async fn count(&mut self, done: Done) -> Result<Vec<PushEvent>, SyncError> {
        self.summary.add(&done);
        self.checkpoint.write(done.place, &self.summary).await?;
        let failures = done.failures.into_iter().map(PushEvent::Failed);
        Ok(failures.chain([self.progress()]).collect())
    }

    fn progress(&self) -> PushEvent {
        PushEvent::Progress(self.summary.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::SyncErrorKind;

    #[tokio::test]
    async fn nothing_is_asked_for_after_an_error() {
        let mut asked = 0;
        let done = stream::poll_fn(move |_| {
            asked += 1;
            let place = serde_json::Value::Null;
            Poll::Ready(Some(match asked {
                1 => Ok(Done { place, total: 1, created: 1, skipped: 0, failures: Vec::new() }),
                2 => Err(SyncError::new(SyncErrorKind::AuthCenter, "gone")),
                _ => panic!("asked for more"),
            }))
        });
        let (checkpoint, summary) = (Checkpoint::none(), PushSummary::default());
        let course = Course { done: Box::pin(done), checkpoint, summary, ended: false };
        let events: Vec<_> = course.events().map(|event| event.is_ok()).collect().await;
        assert_eq!(events, [true, false]);
    }
}
