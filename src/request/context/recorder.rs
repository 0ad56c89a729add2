use std::fmt;
use std::sync::Arc;

use crate::ports::usage::{Record, Served};

/// Adds usage records for calls made during the current request; from
/// [`context::stats`](super::stats). Cheap to clone.
#[derive(Clone)]
pub struct Recorder(pub(super) Arc<dyn Record>);

impl Recorder {
    pub(crate) fn new(record: impl Record) -> Self {
        Self(Arc::new(record))
    }

    pub(crate) fn served(&self, served: Box<dyn Served>) {
        self.0.record(served);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
