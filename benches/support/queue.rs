//! Where a warm request leaves its usage record.

use std::sync::Arc;

use aigc_auth::usage::{Record, Served};
use crossbeam_queue::ArrayQueue;

/// The collector's queue, and nobody who writes out: what the request's thread does, and no other's work.
#[derive(Clone)]
pub(crate) struct Queue(Arc<ArrayQueue<Box<dyn Served>>>);

impl Queue {
    pub(crate) fn new() -> Self {
        Self(Arc::new(ArrayQueue::new(100)))
    }
}

impl Record for Queue {
    fn record(&self, served: Box<dyn Served>) {
        if let Err(served) = self.0.push(served) {
            // What the reporter would free elsewhere is freed here, so that the memory is that of a running service.
            while self.0.pop().is_some() {}
            let _ = self.0.push(served);
        }
    }
}
