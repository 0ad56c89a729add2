//! What waits to be published.

use std::collections::{HashSet, VecDeque};

use crate::ports::invalidation::Invalidation;

/// Invalidations in the order in which they were applied. Equal ones that wait are one; too many are [`Invalidation::All`].
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Numbered>,
    /// The same, to find equal ones.
    known: HashSet<Invalidation>,
    /// The lowest number that is being sent.
    sending_from: Option<u64>,
    /// The last number that was given.
    last: u64,
}

pub(super) type Numbered = (u64, Invalidation);

impl Queue {
    pub(super) const CAPACITY: usize = 10_000;

    /// Adds an invalidation. Returns whether it made the queue overflow.
    pub(super) fn push(&mut self, invalidation: &Invalidation) -> bool {
        if self.known.contains(invalidation) || self.known.contains(&Invalidation::All) {
            return false;
        }
        let overflows = self.waiting.len() >= Self::CAPACITY;
        let added = if overflows { Invalidation::All } else { invalidation.clone() };
        if added == Invalidation::All {
            // It covers them.
            self.waiting.clear();
            self.known.clear();
        }
        self.last += 1;
        self.known.insert(added.clone());
        self.waiting.push_back((self.last, added));
        overflows
    }

    /// Takes the first ones to send them. One that is being sent is no longer equal to one that is applied from now on: a lookup
    /// elsewhere may have come between.
    pub(super) fn take(&mut self, max: usize) -> Vec<Numbered> {
        let count = self.waiting.len().min(max);
        let taken: Vec<_> = self.waiting.drain(..count).collect();
        taken.iter().for_each(|(_, invalidation)| {
            self.known.remove(invalidation);
        });
        self.sending_from = taken.first().map(|(number, _)| *number);
        taken
    }

    /// Puts back those that could not be sent, and ends the sending of the others.
    pub(super) fn sent(&mut self, unsent: Vec<Numbered>) {
        self.sending_from = None;
        for numbered in unsent.into_iter().rev() {
            // Of two equal ones the first stays, which is the one that somebody has waited for longest.
            if !self.known.insert(numbered.1.clone()) {
                self.waiting.retain(|(_, other)| *other != numbered.1);
            }
            self.waiting.push_front(numbered);
        }
    }

    /// The number of the last one that was added.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// All up to this number have been sent.
    pub(super) fn settled(&self) -> u64 {
        let waiting = self.waiting.front().map(|(number, _)| *number);
        [waiting, self.sending_from].into_iter().flatten().min().map_or(self.last, |first| first - 1)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: i64) -> Invalidation {
        Invalidation::of(Some(id.into()), None)
    }

    #[test]
    fn equal_ones_are_one_while_they_wait_and_again_after_they_were_taken() {
        let mut queue = Queue::default();
        for id in [1, 2, 1, 2, 1] {
            queue.push(&user(id));
        }
        assert_eq!((queue.len(), queue.last(), queue.settled()), (2, 2, 0));
        let taken = queue.take(1);
        assert_eq!(taken, [(1, user(1))]);
        queue.push(&user(1));
        assert_eq!((queue.len(), queue.last(), queue.settled()), (2, 3, 0));
        queue.sent(vec![]);
        assert_eq!(queue.settled(), 1);
        let taken = queue.take(9);
        assert_eq!(taken, [(2, user(2)), (3, user(1))]);
        queue.sent(taken[..1].to_vec());
        assert_eq!(
            (queue.settled(), queue.len()),
            (1, 1),
            "the second waits, and so what came after is not settled"
        );
        queue.take(9);
        queue.sent(vec![]);
        assert_eq!((queue.settled(), queue.len()), (3, 0));
    }

    #[test]
    fn what_could_not_be_sent_stays_first_and_once() {
        let mut queue = Queue::default();
        (1..=3).for_each(|id| {
            queue.push(&user(id));
        });
        let taken = queue.take(2);
        queue.push(&user(1));
        queue.sent(taken);
        let order: Vec<_> = queue.take(9).into_iter().map(|(_, invalidation)| invalidation).collect();
        assert_eq!(order, [user(1), user(2), user(3)]);
    }

    #[test]
    fn too_many_are_all_and_all_covers_what_follows() {
        let mut queue = Queue::default();
        for id in 0..Queue::CAPACITY as i64 {
            assert!(!queue.push(&user(id)));
        }
        assert!(queue.push(&user(-1)), "one more");
        assert!(!queue.push(&user(-2)));
        let last = queue.last();
        assert_eq!(queue.take(9), [(last, Invalidation::All)]);
        assert_eq!(queue.settled(), last - 1, "nobody is told that the rest was sent before it is");
        queue.sent(vec![]);
        assert_eq!(queue.settled(), last);
    }
}
