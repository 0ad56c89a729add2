use super::failure::PushFailure;
use super::summary::PushSummary;

/// An event of a [`Push`](super::Push).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PushEvent {
    /// The push resumes an earlier one, with the totals of that.
    Resumed(PushSummary),
    /// A user failed. The push continues with the others.
    Failed(PushFailure),
    /// A chunk is complete. These are the totals so far.
    Progress(PushSummary),
}
