use std::future::Future;

use super::batch::Batch;
use super::lane::Lane;

/// Stores the batches of each lane in order of age, so that they survive the process.
pub(super) trait Store: Send + 'static {
    /// Adds batches of a lane durably, or gives them back if that fails. Returns how many older records of the lane were
    /// evicted for them.
    fn add(
        &mut self,
        lane: Lane,
        batches: Vec<Batch>,
    ) -> impl Future<Output = Result<u64, Vec<Batch>>> + Send;

    /// Reads up to `limit` of the oldest batches of a lane. Called again only after [`Store::finish`].
    fn read(&mut self, lane: Lane, limit: usize) -> impl Future<Output = Window> + Send;

    /// Removes what was read last from a lane. Keeps the rejected batches for inspection, and appends those of `requeue` to
    /// the lane's end.
    fn finish(
        &mut self,
        lane: Lane,
        rejected: Vec<Batch>,
        requeue: Vec<Batch>,
    ) -> impl Future<Output = ()> + Send;
}

/// The batches that are to be sent next.
#[derive(Default)]
pub(super) struct Window {
    pub(super) batches: Vec<Batch>,
    /// The age of the oldest, in seconds.
    pub(super) age: u64,
    /// Records that cannot be decrypted.
    pub(super) undecryptable: u64,
    /// Records that were in a damaged part of the store.
    pub(super) lost: u64,
}

/// A store that keeps nothing: batches stay in memory.
pub(super) struct NoStore;

impl Store for NoStore {
    async fn add(&mut self, _: Lane, batches: Vec<Batch>) -> Result<u64, Vec<Batch>> {
        Err(batches)
    }

    async fn read(&mut self, _: Lane, _: usize) -> Window {
        Window::default()
    }

    async fn finish(&mut self, _: Lane, _: Vec<Batch>, _: Vec<Batch>) {}
}
