use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When a credential ends, if it does, exactly: in 12 bytes in place of 16.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// Since 1970, or before it.
    seconds: [u32; 2],
    nanos: u32,
}

impl End {
    const NONE: Self = Self { seconds: [0; 2], nanos: u32::MAX };
    /// Set in `nanos`, which are below 2^30, of times before 1970.
    const BEFORE: u32 = 1 << 30;

    pub(super) fn get(self) -> Option<SystemTime> {
        if self.nanos == u32::MAX {
            return None;
        }
        let [low, high] = self.seconds.map(u64::from);
        let distance = Duration::new(low | high << 32, self.nanos & !Self::BEFORE);
        if self.nanos & Self::BEFORE == 0 {
            UNIX_EPOCH.checked_add(distance)
        } else {
            UNIX_EPOCH.checked_sub(distance)
        }
    }
}

impl From<Option<SystemTime>> for End {
    fn from(end: Option<SystemTime>) -> Self {
        let Some(end) = end else { return Self::NONE };
        let (distance, before) = match end.duration_since(UNIX_EPOCH) {
            Ok(distance) => (distance, 0),
            Err(behind) => (behind.duration(), Self::BEFORE),
        };
        let seconds = distance.as_secs();
        Self { seconds: [seconds as u32, (seconds >> 32) as u32], nanos: distance.subsec_nanos() | before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_time_is_kept_exactly() {
        let seconds = [0, 1, 1_800_000_000, u64::from(u32::MAX), 253_402_300_799, i64::MAX as u64 - 1];
        let distances =
            seconds.map(|seconds| [0, 1, 500_000_000, 999_999_999].map(|n| Duration::new(seconds, n)));
        for distance in distances.into_iter().flatten() {
            for time in [UNIX_EPOCH.checked_add(distance), UNIX_EPOCH.checked_sub(distance)] {
                assert_eq!(End::from(time).get(), time, "{distance:?}");
            }
        }
        assert!(End::from(None).get().is_none());
        assert_eq!(size_of::<Option<SystemTime>>() - size_of::<End>(), 4);
    }
}
