//! Limit how often a log line is written.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::util::clock::{Clock, Millis, millis};

#[derive(Debug)]
pub(crate) struct LogThrottle {
    clock: Clock,
    pause: Millis,
    /// When it was last due, plus one; 0 stands for never.
    last: AtomicU64,
}

impl LogThrottle {
    pub(crate) fn new(clock: Clock, pause: Duration) -> Self {
        Self { clock, pause: millis(pause), last: AtomicU64::new(0) }
    }

    /// True for the first caller, and again for one caller after each pause.
    pub(crate) fn is_due(&self) -> bool {
        let now = self.clock.now() + 1;
        let last = self.last.load(Ordering::Relaxed);
        let due = last == 0 || now.saturating_sub(last) >= self.pause;
        due && self.last.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_at_first_and_after_each_pause() {
        let clock = Clock::held();
        let throttle = LogThrottle::new(clock.clone(), Duration::from_secs(10));
        let mut due_at = vec![];
        for second in 0..25 {
            if throttle.is_due() {
                due_at.push(second);
            }
            assert!(!throttle.is_due(), "once at a time");
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(due_at, [0, 10, 20]);
    }
}
