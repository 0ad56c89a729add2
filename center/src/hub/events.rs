use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::event::{Event, What, millis};

/// The latest events. Who reads them asks for those after the last one that they have seen, and so nobody's slowness costs
/// memory.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    last: u64,
}

/// Events in a row.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Arc<Event>>,
    /// How many came before them that are not kept any more.
    pub(crate) missed: u64,
}

impl Events {
    /// An event takes 8 KiB at the most: its texts are cut.
    const CAPACITY: usize = 10_000;

    pub(crate) fn add(&self, what: What) {
        self.add_at(SystemTime::now(), what);
    }

    pub(crate) fn add_at(&self, at: SystemTime, what: What) {
        let mut ring = self.lock();
        ring.last += 1;
        let event = Event { id: ring.last, at: millis(at), what };
        if ring.events.len() == Self::CAPACITY {
            ring.events.pop_front();
        }
        ring.events.push_back(Arc::new(event));
    }

    /// Returns the id of the latest event.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// Returns the events after the one with this id, oldest first, at most `max`. An id of another run, which is larger than
    /// the latest, is as none.
    pub(crate) fn after(&self, id: u64, max: usize) -> Batch {
        let ring = self.lock();
        let id = if id > ring.last { 0 } else { id };
        let first = ring.events.front().map_or(ring.last + 1, |event| event.id);
        let missed = first.saturating_sub(id + 1);
        let skipped = usize::try_from(id + 1 + missed - first).unwrap_or(usize::MAX);
        Batch { events: ring.events.iter().skip(skipped).take(max).cloned().collect(), missed }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(batch: &Batch) -> Vec<u64> {
        batch.events.iter().map(|event| event.id).collect()
    }

    #[test]
    fn readers_get_what_came_after_and_are_told_what_is_gone() {
        let events = Events::default();
        assert_eq!((ids(&events.after(0, 9)), events.after(7, 9).missed), (vec![], 0));
        for _ in 0..3 {
            events.add(What::Usage { number: 1 });
        }
        assert_eq!(ids(&events.after(0, 9)), [1, 2, 3]);
        assert_eq!(ids(&events.after(1, 1)), [2]);
        assert_eq!(ids(&events.after(3, 9)), [] as [u64; 0]);
        assert_eq!(ids(&events.after(99, 9)), [1, 2, 3], "of another run");
        for _ in 0..Events::CAPACITY {
            events.add(What::Usage { number: 1 });
        }
        let batch = events.after(2, 2);
        assert_eq!((ids(&batch), batch.missed), (vec![4, 5], 1));
        assert_eq!(events.last(), 3 + Events::CAPACITY as u64);
    }
}
