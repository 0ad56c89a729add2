use std::ops::{Index, IndexMut};

/// The lane of a record. Lanes share nothing but the calls, so that no lane pushes out records of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Records of verified users, who are billed.
    Verified,
    /// Records of credentials that were denied or could not be verified, of which anybody can send any number. Limited to a
    /// tenth of what verified users have, and sent last.
    Unverified,
}

impl Lane {
    /// Both lanes, in the order in which they are served.
    pub(super) const ALL: [Self; 2] = [Self::Verified, Self::Unverified];

    pub(super) fn of(is_verified: bool) -> Self {
        if is_verified { Self::Verified } else { Self::Unverified }
    }

    /// Returns the lane's part of a limit, at least 1.
    pub(super) fn share(self, limit: usize) -> usize {
        match self {
            Self::Verified => limit,
            Self::Unverified => (limit / 10).max(1),
        }
    }
}

/// A value for each lane.
#[derive(Debug, Default)]
pub(super) struct ByLane<T>([T; 2]);

impl<T> ByLane<T> {
    pub(super) fn new(value: impl FnMut(Lane) -> T) -> Self {
        Self(Lane::ALL.map(value))
    }

    #[cfg(feature = "spool")]
    pub(super) fn of(verified: T, unverified: T) -> Self {
        Self([verified, unverified])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

impl<T> Index<Lane> for ByLane<T> {
    type Output = T;

    fn index(&self, lane: Lane) -> &T {
        &self.0[lane as usize]
    }
}

impl<T> IndexMut<Lane> for ByLane<T> {
    fn index_mut(&mut self, lane: Lane) -> &mut T {
        &mut self.0[lane as usize]
    }
}
