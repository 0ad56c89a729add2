use crate::ports::invalidation::Invalidation;

/// Invalidations of an epoch that the ledger does not count in yet: such as one that this replica publishes after it has read the end
/// of the stream, and before it counts from there. Its caches have applied it, and will not again.
#[derive(Default)]
pub(super) struct Early {
    /// The latest that was heard of: others are those of streams that are gone.
    epoch: u64,
    heard: Vec<(u64, Invalidation)>,
}

impl Early {
    /// How many are kept, before they are one about everybody.
    pub(super) const CAPACITY: usize = 1_000;

    pub(super) fn add(&mut self, epoch: u64, number: u64, invalidation: &Invalidation) {
        if epoch < self.epoch {
            return;
        }
        if epoch > self.epoch {
            *self = Self { epoch, heard: vec![] };
        }
        self.heard.push((number, invalidation.clone()));
        if self.heard.len() > Self::CAPACITY {
            let last = self.heard.iter().map(|(number, _)| *number).max().unwrap_or(number);
            self.heard = vec![(last, Invalidation::All)];
        }
    }

    /// Takes those of the epoch that is counted in from now on. Those of a later one are kept.
    pub(super) fn take(&mut self, epoch: u64) -> Vec<(u64, Invalidation)> {
        if epoch < self.epoch {
            return vec![];
        }
        let Self { epoch: of, heard } = std::mem::take(self);
        if of == epoch { heard } else { vec![] }
    }
}
