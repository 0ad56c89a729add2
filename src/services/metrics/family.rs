use std::sync::OnceLock;

use metrics::Counter;

/// Counters that differ in their labels only, by number. Each is registered when it is first counted, so that there are no
/// series of what never happens; after that it costs no search in the recorder.
pub(super) struct Family(Box<[OnceLock<Counter>]>);

impl Family {
    pub(super) fn of(len: usize) -> Self {
        Self((0..len).map(|_| OnceLock::new()).collect())
    }

    pub(super) fn get(&self, index: usize, register: impl FnOnce() -> Counter) -> &Counter {
        self.0[index].get_or_init(register)
    }
}
