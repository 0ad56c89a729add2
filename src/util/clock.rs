//! A clock that tests can hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the clock was made. They never go back.
pub(crate) type Millis = u64;

/// The clock of an `AuthClient`, for its cache and its circuit breaker: the system's, or one that a test advances.
///
/// Timeouts of calls do not use it.
///
/// ```
/// # #[cfg(all(feature = "client", feature = "test-util"))] {
/// use std::time::Duration;
///
/// use aigc_auth::AuthClient;
/// use aigc_auth::testing::{self, AuthCenter, Clock};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let center = AuthCenter::start().await;
/// center.add_user(testing::user("alice"));
/// center.add_token("alice-token", "alice");
/// let clock = Clock::held();
/// let client = AuthClient::builder(center.app_id(), center.app_secret(), center.url())
///     .clock(clock.clone())
///     .build()?;
///
/// client.user_info("alice-token").await?;
/// client.user_info("alice-token").await?;
/// assert_eq!(center.calls("/user/info"), 1);
/// clock.advance(Duration::from_secs(300));
/// client.user_info("alice-token").await?;
/// assert_eq!(center.calls("/user/info"), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Clock {
    made: Instant,
    made_on: SystemTime,
    /// How far a test has advanced it, in milliseconds; `None` for the system's time.
    held: Option<Arc<AtomicU64>>,
    /// How far a test has set its date forward, in milliseconds. Wraps when it is set back.
    jumped: Arc<AtomicU64>,
}

/// A time of a clock, made ready to be compared with its present: that takes a third of what [`Clock::now`] does.
#[derive(Clone, Copy)]
#[cfg(feature = "client")]
pub(crate) struct Deadline {
    /// `None` for a time that no clock reaches.
    instant: Option<Instant>,
    millis: Millis,
}

impl Default for Clock {
    fn default() -> Self {
        Self { made: Instant::now(), made_on: SystemTime::now(), held: None, jumped: Arc::default() }
    }
}

impl Clock {
    /// Creates a clock that stands still until [`Clock::advance`] moves it.
    pub fn held() -> Self {
        Self { held: Some(Arc::default()), ..Self::default() }
    }

    /// Advances a held clock and all its clones. Has no effect on others.
    pub fn advance(&self, by: Duration) {
        if let Some(held) = &self.held {
            held.fetch_add(millis(by), Ordering::SeqCst);
        }
    }

    /// Sets the date of a held clock and all its clones forward, with no time gone by: as on a machine that wakes up from a
    /// suspend, or that NTP corrects. Has no effect on others.
    pub fn jump(&self, by: Duration) {
        self.jumped.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Sets the date of a held clock back, with no time gone by.
    #[cfg(all(test, feature = "client"))]
    pub(crate) fn jump_back(&self, by: Duration) {
        self.jumped.fetch_sub(millis(by), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Millis {
        match &self.held {
            None => millis(self.made.elapsed()),
            Some(held) => held.load(Ordering::SeqCst),
        }
    }

    /// Makes what [`Clock::now`] will be ready for [`Clock::is_before`].
    #[cfg(feature = "client")]
    pub(crate) fn deadline(&self, at: Millis) -> Deadline {
        Deadline { instant: self.made.checked_add(Duration::from_millis(at)), millis: at }
    }

    /// Whether this time of the same clock, or a clone of it, is still to come.
    #[cfg(feature = "client")]
    #[inline]
    pub(crate) fn is_before(&self, deadline: &Deadline) -> bool {
        match &self.held {
            None => deadline.instant.is_none_or(|instant| Instant::now() < instant),
            Some(held) => held.load(Ordering::SeqCst) < deadline.millis,
        }
    }

    /// The current date and time.
    pub(crate) fn today(&self) -> SystemTime {
        match &self.held {
            // The system's time may be set: read it anew.
            None => SystemTime::now(),
            Some(_) => {
                let ahead = self.now().wrapping_add(self.jumped.load(Ordering::SeqCst)).cast_signed();
                let by = Duration::from_millis(ahead.unsigned_abs());
                if ahead < 0 { self.made_on - by } else { self.made_on + by }
            }
        }
    }

    /// What [`Clock::now`] is at this date and time; 0 for times before the clock was created.
    pub(crate) fn at(&self, time: SystemTime) -> Millis {
        let now = self.now();
        match time.duration_since(self.today()) {
            Ok(ahead) => now.saturating_add(millis(ahead)),
            Err(behind) => now.saturating_sub(millis(behind.duration())),
        }
    }
}

pub(crate) fn millis(duration: Duration) -> Millis {
    // Not `as_millis`, which computes in 128 bits.
    duration.as_secs().saturating_mul(1_000).saturating_add(u64::from(duration.subsec_millis()))
}

/// Converts seconds since 1970; `None` if out of range.
pub(crate) fn from_unix(seconds: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "client")]
    fn deadline_is_over_when_the_clock_has_reached_it() {
        let held = Clock::held();
        let deadline = held.deadline(5);
        for is_before in [true, true, true, true, true, false, false] {
            assert_eq!(held.is_before(&deadline), is_before, "after {} ms", held.now());
            held.advance(Duration::from_millis(1));
        }
        let running = Clock::default();
        let now = running.now();
        assert!(
            running.is_before(&running.deadline(now + 60_000)) && !running.is_before(&running.deadline(now))
        );
        assert!(running.is_before(&running.deadline(Millis::MAX)));
    }

    #[test]
    fn held_clock_advances_with_its_date() {
        let clock = Clock::held();
        let copy = clock.clone();
        let in_an_hour = clock.made_on + Duration::from_secs(3600);
        assert_eq!((clock.now(), clock.at(in_an_hour)), (0, 3_600_000));
        copy.advance(Duration::from_secs(60));
        assert_eq!((clock.now(), clock.at(in_an_hour)), (60_000, 3_600_000));
        assert_eq!(clock.at(UNIX_EPOCH), 0);
        copy.jump(Duration::from_secs(40));
        assert_eq!((clock.now(), clock.at(in_an_hour)), (60_000, 3_560_000));
    }
}
