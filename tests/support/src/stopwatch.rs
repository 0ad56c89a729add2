//! Real time, without that in which the machine did not come to this process.

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

/// Measures how long something takes, for limits that hold on a busy machine as well.
///
/// A thread beside the tests sleeps for 2 ms again and again. Of a sleep that ends late, as while the machine stands still or others
/// have its processors, no more than 10 ms count: nothing else in this process came further in that time. What waits, or keeps a
/// runtime's threads from their work, counts in full, for it does not keep that thread from its own.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Duration);

impl Stopwatch {
    #[must_use]
    pub fn start() -> Self {
        Self(ran())
    }

    pub fn elapsed(&self) -> Duration {
        ran() - self.0
    }
}

const STEP: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(10);

/// How long this process has run, up to the last step.
struct Ran {
    so_far: Duration,
    until: Instant,
}

impl Ran {
    fn at(&self, now: Instant) -> Duration {
        self.so_far + now.saturating_duration_since(self.until).min(LONGEST)
    }
}

fn ran() -> Duration {
    static RAN: LazyLock<Mutex<Ran>> = LazyLock::new(|| {
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(STEP);
                let mut ran = RAN.lock().unwrap();
                let now = Instant::now();
                *ran = Ran { so_far: ran.at(now), until: now };
            }
        });
        Mutex::new(Ran { so_far: Duration::ZERO, until: Instant::now() })
    });
    // Of two looks in turn, the later one must not find less.
    let ran = RAN.lock().unwrap();
    ran.at(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_step_counts_as_a_short_one() {
        let until = Instant::now();
        let ran = Ran { so_far: Duration::from_secs(7), until };
        for (after, expected) in [(0, 0), (2, 2), (10, 10), (11, 10), (60_000, 10)] {
            let elapsed = ran.at(until + Duration::from_millis(after)) - ran.so_far;
            assert_eq!(elapsed, Duration::from_millis(expected), "{after} ms after the last step");
        }
    }

    /// Who waits while the machine goes on is measured whole.
    #[test]
    fn a_wait_counts() {
        let stopwatch = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(200));
        let elapsed = stopwatch.elapsed();
        assert!(elapsed >= Duration::from_millis(20), "{elapsed:?}");
    }
}
