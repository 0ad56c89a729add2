//! Notice changes of a table.

use std::ops::{Deref, DerefMut};

/// A value with a version, which each mutable access increments: whoever stores it sees when it has to.
#[derive(Default)]
pub(super) struct Tracked<T> {
    value: T,
    version: u64,
}

impl<T> Tracked<T> {
    pub(super) fn version(&self) -> u64 {
        self.version
    }
}

impl<T> Deref for Tracked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Tracked<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.version += 1;
        &mut self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_counts_mutable_accesses_alone() {
        let mut table = Tracked::<Vec<u8>>::default();
        assert!(table.is_empty());
        assert_eq!(table.version(), 0);
        table.push(7);
        assert_eq!((table.first(), table.version()), (Some(&7), 1));
    }
}
