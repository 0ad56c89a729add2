//! What can happen.

use fastrand::Rng;

use super::bus::Link;
use super::center::USERS;

pub(super) const REPLICAS: usize = 3;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Ask {
        replica: usize,
        user: usize,
    },
    /// The center changes a user, and a replica is told.
    Change {
        user: usize,
        replica: usize,
    },
    /// One of the changes that were not acknowledged is told again.
    Repeat {
        replica: usize,
    },
    /// A replica asks the bus for its proof, which comes later.
    Question {
        replica: usize,
    },
    Answer {
        replica: usize,
    },
    Deliver {
        replica: usize,
    },
    Link {
        replica: usize,
        link: Link,
    },
    /// The bus loses everything, and all connections.
    Restart,
    /// A replica is killed, and another takes its place.
    Replace {
        replica: usize,
    },
    /// With `is_asleep`, as if all processes had been stopped: only clocks go on.
    Wait {
        millis: u64,
        is_asleep: bool,
    },
    /// Answers of the center wait, or no longer do.
    Slow(bool),
    Release,
}

impl Step {
    pub(super) fn choose(random: &mut Rng) -> Self {
        let replica = random.usize(..REPLICAS);
        let user = random.usize(..USERS);
        match random.u32(..100) {
            0..30 => Self::Ask { replica, user },
            30..38 => Self::Change { user, replica },
            38..42 => Self::Repeat { replica },
            42..50 => Self::Question { replica },
            50..58 => Self::Answer { replica },
            58..64 => Self::Deliver { replica },
            64..72 => {
                let link =
                    random.choice([Link::Up, Link::Up, Link::Up, Link::Cut, Link::Mute, Link::AnswersLost]);
                Self::Link { replica, link: link.unwrap() }
            }
            72..74 => Self::Restart,
            74..76 => Self::Replace { replica },
            76..92 => {
                let millis = match random.u32(..4) {
                    0 => random.u64(1..100),
                    1 => random.u64(100..2_500),
                    2 => random.u64(2_500..32_500),
                    // Just before, at and after the bound.
                    _ => random.u64(31_990..32_010),
                };
                Self::Wait { millis, is_asleep: random.bool() }
            }
            92..94 => Self::Slow(random.bool()),
            _ => Self::Release,
        }
    }
}
