//! What was served and what was acknowledged, and whether the one may follow from the other.

use std::time::{Duration, Instant};

use super::replica::BOUND;

/// A user who was given to a request.
#[derive(Clone, Copy)]
pub(super) struct Served {
    /// When the request was sent.
    pub(super) at: Instant,
    pub(super) replica: usize,
    pub(super) life: usize,
    pub(super) user: usize,
    pub(super) version: usize,
}

/// A replica has said that this version of a user is known.
#[derive(Clone, Copy)]
pub(super) struct Acknowledged {
    pub(super) at: Instant,
    pub(super) replica: usize,
    pub(super) life: usize,
    pub(super) user: usize,
    pub(super) version: usize,
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) histories: usize,
    pub(super) requests: usize,
    pub(super) changes: usize,
    pub(super) faults: usize,
    /// Requests that were given a user who was outdated, as the bound allows.
    pub(super) outdated: usize,
    pub(super) longest: Duration,
    pub(super) violations: Vec<String>,
}

impl Findings {
    pub(super) fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.requests += other.requests;
        self.changes += other.changes;
        self.faults += other.faults;
        self.outdated += other.outdated;
        self.longest = self.longest.max(other.longest);
        self.violations.extend(other.violations.iter().cloned());
    }

    /// Judges what was served in a history.
    pub(super) fn judge(&mut self, served: &[Served], acknowledged: &[Acknowledged]) {
        self.requests += served.len();
        self.changes += acknowledged.len();
        for request in served {
            let newer = acknowledged.iter().filter(|one| {
                one.user == request.user && one.version > request.version && one.at <= request.at
            });
            // Since the first of them; and of those that this replica itself has acknowledged, none is outdated.
            let since = newer.clone().map(|one| request.at - one.at).max();
            let own = newer.filter(|one| one.replica == request.replica && one.life == request.life);
            let is_own = own.count() > 0;
            let Some(since) = since else { continue };
            if is_own || since > BOUND {
                self.violations.push(format!(
                    "replica {} gave version {} of user {} {since:?} after a newer one was acknowledged{}",
                    request.replica,
                    request.version,
                    request.user,
                    if is_own { " by itself" } else { "" }
                ));
            }
            self.outdated += 1;
            self.longest = self.longest.max(since);
        }
    }
}
