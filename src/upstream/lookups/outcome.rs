use super::watched::AnswerFrom;
use crate::types::error::{AuthError, ErrorKind};

/// The outcome of a lookup.
#[derive(Clone)]
pub(super) struct Outcome<V> {
    pub(super) result: Result<V, AuthError>,
    /// The epoch of the cache when the lookup started, or that of the stale value it returned.
    pub(super) epoch: u64,
    pub(super) from: AnswerFrom,
}

impl<V> Outcome<V> {
    /// The kind of its error, also where a stale value is served.
    pub(super) fn error(&self) -> Option<ErrorKind> {
        match (&self.result, self.from) {
            (_, AnswerFrom::Stale(error)) => Some(error),
            (result, _) => result.as_ref().err().map(AuthError::kind),
        }
    }
}
