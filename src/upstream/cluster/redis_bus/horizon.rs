use serde::{Deserialize, Serialize};

/// How far a replica knows the invalidations of its cluster: all up to this number, in this run of Redis and this epoch.
///
/// Numbers of another run or epoch cannot be compared: a server that lost its last entries hands the same numbers out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Horizon {
    pub(crate) run: Box<str>,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
}

impl Horizon {
    /// Whether both count in the same numbers.
    pub(super) fn is_comparable(&self, other: &Self) -> bool {
        self.run == other.run && self.epoch == other.epoch
    }
}
