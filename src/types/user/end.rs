use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When a credential ends, if it does: in 8 bytes in place of 16.
///
/// Exactly, if it is within 146 years of 1970 or a whole second, as all are that tokens have. Of others it says that they are kept
/// elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Twice the distance from 1970: in nanoseconds, or odd and in seconds.
    distance: i64,
}

impl End {
    const NONE: Self = Self { distance: i64::MIN };
    const ELSEWHERE: Self = Self { distance: i64::MAX };
    /// The greatest distance, in its unit.
    const MAX: i128 = (i64::MAX >> 1) as i128 - 1;

    /// Returns the end; asks for one that is kept elsewhere.
    #[inline]
    pub(super) fn get(self, elsewhere: impl FnOnce() -> Option<SystemTime>) -> Option<SystemTime> {
        match self {
            Self::NONE => None,
            Self::ELSEWHERE => elsewhere(),
            Self { distance } => {
                let amount = (distance >> 1).unsigned_abs();
                let is_nanos = distance & 1 == 0;
                let by = if is_nanos { Duration::from_nanos(amount) } else { Duration::from_secs(amount) };
                if distance < 0 { UNIX_EPOCH.checked_sub(by) } else { UNIX_EPOCH.checked_add(by) }
            }
        }
    }

    pub(super) fn is_elsewhere(self) -> bool {
        self == Self::ELSEWHERE
    }
}

impl From<Option<SystemTime>> for End {
    fn from(end: Option<SystemTime>) -> Self {
        let Some(end) = end else { return Self::NONE };
        let nanos = match end.duration_since(UNIX_EPOCH) {
            Ok(distance) => distance.as_nanos() as i128,
            Err(behind) => -(behind.duration().as_nanos() as i128),
        };
        let seconds = nanos / 1_000_000_000;
        if nanos.abs() <= Self::MAX {
            Self { distance: (nanos as i64) << 1 }
        } else if nanos % 1_000_000_000 == 0 && seconds.abs() <= Self::MAX {
            Self { distance: (seconds as i64) << 1 | 1 }
        } else {
            Self::ELSEWHERE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_time_is_kept_exactly() {
        let within = 146 * 365 * 86_400;
        let seconds =
            [0, 1, 1_800_000_000, u64::from(u32::MAX), within, 253_402_300_799, i64::MAX as u64 - 1];
        for seconds in seconds {
            for nanos in [0, 1, 500_000_000, 999_999_999] {
                let distance = Duration::new(seconds, nanos);
                for time in [UNIX_EPOCH.checked_add(distance), UNIX_EPOCH.checked_sub(distance)] {
                    let end = End::from(time);
                    assert_eq!(end.get(|| time), time, "{distance:?}");
                    let is_far = seconds > within && nanos > 0 || seconds > i64::MAX as u64 / 2;
                    assert_eq!(end.is_elsewhere(), is_far && time.is_some(), "{distance:?}");
                }
            }
        }
        assert!(End::from(None).get(|| Some(UNIX_EPOCH)).is_none());
        assert_eq!(size_of::<End>(), 8);
    }
}
