//! Tell an observer of usage records.

use crate::ports::observer::{DropReason, Event, Usage, UsageOutcome, Watch};

/// Tells of records that are lost.
pub(super) fn tell_dropped(watch: &Watch, records: u64, reason: DropReason) {
    if records > 0 {
        let outcome = UsageOutcome::Dropped;
        watch.tell(|| Event::Usage(Usage { outcome, records, reason: Some(reason) }));
    }
}
