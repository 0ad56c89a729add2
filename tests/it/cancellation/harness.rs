//! Polls a future some times, and drops it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// More than any future here is polled.
const MOST: usize = 2_000;

/// When a future is dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moment {
    /// As soon as it waits.
    AtOnce,
    /// When it is woken: what it waited for is there, and lost with it.
    Woken,
}

/// How often a future was polled before it was dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropped {
    pub(crate) polls: usize,
    pub(crate) moment: Moment,
}

/// Polls a future at most so many times; `None` if it was dropped before its end.
async fn polled<F: Future>(Dropped { polls, moment }: Dropped, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut done = 0;
    let dropped = poll_fn(|context| {
        if done == polls {
            return Poll::Ready(None);
        }
        done += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if done == polls && moment == Moment::AtOnce => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    timeout(PATIENCE, dropped).await.unwrap_or_else(|_| panic!("never woken after {done} polls"))
}

/// Makes a future, drops it, and checks: for each number of polls until it ends by itself, at both moments. Returns how many were
/// dropped.
pub(crate) async fn drop_at_each_await<T>(
    what: &str,
    mut make: impl AsyncFnMut() -> T,
    mut check: impl AsyncFnMut(Dropped, Option<T>),
) -> usize {
    let mut dropped = 0;
    for moment in [Moment::AtOnce, Moment::Woken] {
        for polls in 0.. {
            assert!(polls < MOST, "{what} never ends");
            let drop = Dropped { polls, moment };
            let output = polled(drop, make()).await;
            let has_ended = output.is_some();
            check(drop, output).await;
            if has_ended {
                break;
            }
            dropped += 1;
        }
    }
    dropped
}
