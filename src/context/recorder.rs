use std::fmt;
use std::sync::Arc;

use super::token;
use crate::record::{ApiRecord, Record, Served};

/// Takes note of calls beside those of the layer: the usage statistics of the current request, from
/// [`context::stats`](super::stats). Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<dyn Record>);

impl Recorder {
    pub(crate) fn new(record: impl Record) -> Self {
        Self(Arc::new(record))
    }

    /// Takes note of a call. One without a credential gets the current request's.
    pub fn record(&self, record: ApiRecord) {
        self.0.record(Box::new(with_credential(record)));
    }

    pub(crate) fn served(&self, served: Box<dyn Served>) {
        self.0.record(served);
    }
}

/// The record as it is, or else with the credential of the current request.
pub(crate) fn with_credential(record: ApiRecord) -> ApiRecord {
    match (record.has_credential(), token()) {
        (false, Some(token)) => record.credential(token),
        _ => record,
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
