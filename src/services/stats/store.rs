use std::future::Future;

use super::batch::Batch;
use super::lane::Lane;

/// Stores the batches of each lane in order of age, so that they survive the process.
pub(super) trait Store: Send + 'static {
    /// How many full batches are added at a time where more records wait: an addition may take as long for many as for one.
    const BATCHES_AT_A_TIME: usize;

    /// Adds batches of a lane durably.
    fn add(&mut self, lane: Lane, batches: Vec<Batch>) -> impl Future<Output = Added> + Send;

    /// Reads up to `limit` of the oldest batches of a lane. Called again only after [`Store::finish`].
    fn read(&mut self, lane: Lane, limit: usize) -> impl Future<Output = Window> + Send;

    /// Removes what was read last from a lane, appends the batches of `requeue` to the lane's end, and keeps the refused
    /// ones for people.
    fn finish(
        &mut self,
        lane: Lane,
        refused: Vec<Refused>,
        requeue: Vec<Batch>,
    ) -> impl Future<Output = Finished> + Send;

    /// As [`Store::finish`], before the process ends: the batches that are `left` keep their places if they can.
    fn release(
        &mut self,
        lane: Lane,
        refused: Vec<Refused>,
        left: Vec<Batch>,
    ) -> impl Future<Output = Finished> + Send;

    /// Keeps a refused batch for people that is not in the store. Returns how many of its records could not be kept.
    fn keep(&mut self, refused: Refused) -> impl Future<Output = u64> + Send;

    /// Waits until people have refused records of verified users sent again. Returns how many are in the store for it.
    fn returned(&self) -> impl Future<Output = u64> + Send;
}

/// What became of batches that were to be added.
#[derive(Default)]
pub(super) struct Added {
    /// How many older records of the lane were evicted for them.
    pub(super) evicted: u64,
    /// The batches that could not be added.
    pub(super) rest: Vec<Batch>,
}

/// The batches that are to be sent next.
#[derive(Default)]
pub(super) struct Window {
    pub(super) batches: Vec<Batch>,
    /// The age of the oldest, in seconds.
    pub(super) age: u64,
    /// Records that cannot be decrypted.
    pub(super) undecryptable: u64,
    /// Records that cannot be decrypted, and could not be kept for people.
    pub(super) unkept: u64,
    /// Records that were in a damaged part of the store.
    pub(super) lost: u64,
    /// Whether there may be more that could not be read.
    pub(super) failed: bool,
}

/// A batch that the auth center rejected permanently.
#[cfg_attr(not(feature = "spool"), allow(dead_code))]
pub(super) struct Refused {
    pub(super) batch: Batch,
    /// The HTTP status, or the business code.
    pub(super) code: u16,
    /// The auth center's message, without secrets.
    pub(super) reason: String,
}

/// What became of the batches that were read last.
#[derive(Default)]
pub(super) struct Finished {
    /// Records of refused batches that could not be kept for people.
    pub(super) unkept: u64,
    /// The batches of `requeue` that could not be appended. By [`Store::finish`], those that were read stay, and these are
    /// still to be sent; by [`Store::release`], they are lost.
    pub(super) rest: Vec<Batch>,
    /// Whether the store could not do everything.
    pub(super) failed: bool,
}

/// A store that keeps nothing: batches stay in memory.
pub(super) struct NoStore;

impl Store for NoStore {
    // To be sent at once.
    const BATCHES_AT_A_TIME: usize = 1;

    async fn add(&mut self, _: Lane, batches: Vec<Batch>) -> Added {
        Added { evicted: 0, rest: batches }
    }

    async fn read(&mut self, _: Lane, _: usize) -> Window {
        Window::default()
    }

    async fn finish(&mut self, _: Lane, _: Vec<Refused>, _: Vec<Batch>) -> Finished {
        Finished::default()
    }

    async fn release(&mut self, _: Lane, _: Vec<Refused>, _: Vec<Batch>) -> Finished {
        Finished::default()
    }

    async fn keep(&mut self, _: Refused) -> u64 {
        // Without a store, that is known: such records are counted as dead-lettered.
        0
    }

    async fn returned(&self) -> u64 {
        std::future::pending().await
    }
}
