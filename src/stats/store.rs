use std::future::Future;

use super::batch::Batch;

/// Where batches outlive the process, in order of age.
pub(super) trait Store: Send + 'static {
    /// Takes batches, safe from a crash when it returns; gives them back if it cannot. Returns how many older records
    /// had to go for them.
    fn add(&mut self, batches: Vec<Batch>) -> impl Future<Output = Result<u64, Vec<Batch>>> + Send;

    /// The oldest batches, so many at most. Called again only after [`Store::finish`].
    fn read(&mut self, batches: usize) -> impl Future<Output = Window> + Send;

    /// Forgets what was read last, except that it keeps the refused ones for people, and puts others to the end.
    /// Returns how many older records had to go for them.
    fn finish(&mut self, refused: Vec<Batch>, back: Vec<Batch>) -> impl Future<Output = u64> + Send;
}

/// What is to be sent next.
#[derive(Default)]
pub(super) struct Window {
    pub(super) batches: Vec<Batch>,
    /// The age of the oldest, in seconds.
    pub(super) age: u64,
    /// Records that nobody can read any more.
    pub(super) unsealable: u64,
    /// Records that are gone, since what they were in is damaged.
    pub(super) lost: u64,
}

/// Nothing outlives the process.
pub(super) struct NoStore;

impl Store for NoStore {
    async fn add(&mut self, batches: Vec<Batch>) -> Result<u64, Vec<Batch>> {
        Err(batches)
    }

    async fn read(&mut self, _: usize) -> Window {
        Window::default()
    }

    async fn finish(&mut self, _: Vec<Batch>, _: Vec<Batch>) -> u64 {
        0
    }
}
