use std::sync::OnceLock;

use metrics::Counter;

/// Counters that differ in their labels only, by number. Each is registered when it is first counted, so that there are no
/// series of what never happens; after that it costs no search in the recorder.
pub(super) struct Family(Box<[OnceLock<Counter>]>);

impl Family {
    pub(super) fn of(len: usize) -> Self {
        Self((0..len).map(|_| OnceLock::new()).collect())
    }

    pub(super) fn count(&self, index: usize, register: impl FnOnce() -> Counter) {
        match self.0[index].get() {
            Some(counter) => counter.increment(1),
            None if is_recorded() => self.0[index].get_or_init(register).increment(1),
            // Not kept: it counts nothing, also once there is a recorder.
            None => register().increment(1),
        }
    }
}

/// Whether there is a recorder by now. The one that stands in for it, like few others, has no state.
pub(super) fn is_recorded() -> bool {
    metrics::with_recorder(|recorder| size_of_val(recorder) > 0)
}
