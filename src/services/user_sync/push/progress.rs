//! Count the outcomes of chunks, store them in the checkpoint, and report them, in this order.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::stream::StreamExt;
use serde_json::Value;

use super::super::error::SyncError;
use super::checkpoint::Checkpoint;
use super::chunk::ChunkOutcome;
use super::event::PushEvent;
use super::summary::PushSummary;

pub(super) type Outcomes = Pin<Box<dyn Stream<Item = Result<ChunkOutcome, SyncError>> + Send>>;

type Write = Pin<Box<dyn Future<Output = Result<Checkpoint, SyncError>> + Send>>;

/// The stream of events, each list of them after the checkpoint that has them.
pub(super) struct Progress {
    outcomes: Outcomes,
    /// So many chunks may wait for their checkpoint. Those that are complete during one write share the next.
    max_waiting: usize,
    summary: PushSummary,
    state: State,
    /// The events of chunks that no checkpoint has yet, how many chunks these are, and the cursor of the last.
    waiting: Vec<PushEvent>,
    chunks: usize,
    cursor: Value,
    /// How the chunks have ended. No further one is polled then, so that none after a failed one is counted as complete.
    end: Option<Result<(), SyncError>>,
}

enum State {
    Idle(Checkpoint),
    /// With the events that are reported once it is written.
    Writing(Write, Vec<PushEvent>),
    Ended,
}

impl Progress {
    pub(super) fn new(
        outcomes: Outcomes,
        max_waiting: usize,
        checkpoint: Checkpoint,
        summary: PushSummary,
    ) -> Self {
        let state = State::Idle(checkpoint);
        let (waiting, cursor) = (Vec::new(), Value::Null);
        Self { outcomes, max_waiting, summary, state, waiting, chunks: 0, cursor, end: None }
    }

    /// Takes what is complete, up to so many chunks.
    fn poll_outcomes(&mut self, max: usize, cx: &mut Context<'_>) {
        while self.end.is_none() && self.chunks < max {
            let Poll::Ready(outcome) = self.outcomes.poll_next_unpin(cx) else { return };
            match outcome {
                Some(Ok(outcome)) => self.add(outcome),
                Some(Err(error)) => self.end = Some(Err(error)),
                None => self.end = Some(Ok(())),
            }
        }
    }

    fn add(&mut self, outcome: ChunkOutcome) {
        self.summary.add(&outcome);
        self.cursor = outcome.cursor;
        self.chunks += 1;
        self.waiting.extend(outcome.failures.into_iter().map(PushEvent::Failed));
        self.waiting.push(PushEvent::Progress(self.summary.clone()));
    }

    /// Returns the next write, or how all ends.
    fn next_state(&mut self, checkpoint: Checkpoint) -> Result<State, Option<SyncError>> {
        if self.chunks > 0 {
            self.chunks = 0;
            let cursor = mem::take(&mut self.cursor);
            let write = Box::pin(checkpoint.write(cursor, self.summary.clone()));
            return Ok(State::Writing(write, mem::take(&mut self.waiting)));
        }
        match self.end.take() {
            None => Ok(State::Idle(checkpoint)),
            Some(Err(error)) => Err(Some(error)),
            // It is what was written last that is marked.
            Some(Ok(())) if checkpoint.is_finished() => Err(None),
            Some(Ok(())) => {
                self.end = Some(Ok(()));
                Ok(State::Writing(Box::pin(checkpoint.finish(self.summary.clone())), Vec::new()))
            }
        }
    }
}

impl Stream for Progress {
    type Item = Result<Vec<PushEvent>, SyncError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while !matches!(this.state, State::Ended) {
            match mem::replace(&mut this.state, State::Ended) {
                State::Ended => {}
                State::Idle(checkpoint) => {
                    this.poll_outcomes(1, cx);
                    match this.next_state(checkpoint) {
                        Ok(state @ State::Writing(..)) => this.state = state,
                        Ok(state) => {
                            this.state = state;
                            return Poll::Pending;
                        }
                        Err(end) => return Poll::Ready(end.map(Err)),
                    }
                }
                State::Writing(mut write, events) => match write.as_mut().poll(cx) {
                    Poll::Pending => {
                        this.state = State::Writing(write, events);
                        // Chunks in flight make progress by this alone.
                        this.poll_outcomes(this.max_waiting, cx);
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(Ok(checkpoint)) => {
                        this.state = State::Idle(checkpoint);
                        if !events.is_empty() {
                            return Poll::Ready(Some(Ok(events)));
                        }
                    }
                },
            }
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::services::user_sync::SyncErrorKind;

    fn outcome() -> ChunkOutcome {
        ChunkOutcome {
            cursor: Value::Null,
            total: 1,
            created: 1,
            skipped: 0,
            removed: 0,
            failures: Vec::new(),
        }
    }

    #[tokio::test]
    async fn no_chunk_is_polled_after_an_error() {
        let mut polls = 0;
        let outcomes = stream::poll_fn(move |_| {
            polls += 1;
            Poll::Ready(Some(match polls {
                1 => Ok(outcome()),
                2 => Err(SyncError::new(SyncErrorKind::AuthCenter, "gone")),
                _ => panic!("polled again"),
            }))
        });
        let progress = Progress::new(Box::pin(outcomes), 4, Checkpoint::none(), PushSummary::default());
        let events: Vec<_> = progress.map(|events| events.is_ok()).collect().await;
        assert_eq!(events, [true, false]);
    }

    #[tokio::test]
    async fn chunks_complete_while_a_checkpoint_is_written() {
        let file = std::env::temp_dir().join(format!("aigc-auth-progress-{}.json", std::process::id()));
        let checkpoint = Checkpoint::open(file.clone(), "app", false).await.unwrap();
        let outcomes = stream::repeat_with(|| Ok(outcome())).take(1_000);
        let mut progress = Progress::new(Box::pin(outcomes), 4, checkpoint, PushSummary::default());
        let mut totals = Vec::new();
        while let Some(events) = progress.next().await {
            for event in events.unwrap() {
                let PushEvent::Progress(summary) = event else { panic!("{event:?}") };
                totals.push(summary.total);
            }
            // What was reported is in the file.
            let stored: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            assert!(stored["summary"]["total"].as_u64() >= totals.last().copied());
            assert!(progress.chunks <= 4);
        }
        assert_eq!(totals, (1..=1_000).collect::<Vec<_>>());
        let stored: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!((&stored["finished"], &stored["summary"]["total"]), (&true.into(), &1_000.into()));
        std::fs::remove_file(file).unwrap();
    }
}
