//! What callers were answered, by class.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Class {
    /// Users with tokens whom the service has seen before.
    Known,
    /// The same with access keys.
    AccessKey,
    /// Tokens that are verified in the service.
    Jwt,
    /// Those that have expired, or are signed by somebody else.
    BadJwt,
    /// Tokens that nobody has, and requests without any.
    Stranger,
    /// With a token that was made just now.
    New,
    /// Admins who act as a user, and a user who would like to.
    Acting,
    /// Of an organisation, as a table has it.
    Member,
    /// Whose request makes one to another service.
    Relay,
    /// Who are disabled and enabled again.
    Changing,
    /// Deliveries of the auth center.
    Event,
    /// Users who log out, and come again.
    LogOut,
    /// WebSockets that end with their token.
    Socket,
    /// Who leave before they are answered.
    HangUp,
    /// Who read a long answer slowly, or not to its end.
    SlowReader,
    /// Under way when the service is told to end.
    Last,
}

/// Answers by class and status, and those that should not have been.
pub(super) struct Tally {
    started: Instant,
    counts: Mutex<BTreeMap<(Class, String), u64>>,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), counts: Mutex::default(), wrong: Mutex::default() }
    }

    pub(super) fn count(&self, class: Class, outcome: impl Into<String>) {
        *self.counts.lock().unwrap().entry((class, outcome.into())).or_default() += 1;
    }

    pub(super) fn wrong(&self, class: Class, what: impl std::fmt::Display) {
        let at = self.started.elapsed().as_secs_f64();
        self.wrong.lock().unwrap().push(format!("{at:>7.1} s {class:?}: {what}"));
    }

    pub(super) fn take_wrong(&self) -> Vec<String> {
        std::mem::take(&mut *self.wrong.lock().unwrap())
    }

    pub(super) fn of(&self, class: Class, outcome: &str) -> u64 {
        self.counts.lock().unwrap().get(&(class, outcome.to_owned())).copied().unwrap_or_default()
    }

    pub(super) fn print(&self) {
        let mut rows: BTreeMap<Class, Vec<String>> = BTreeMap::new();
        for ((class, outcome), count) in &*self.counts.lock().unwrap() {
            rows.entry(*class).or_default().push(format!("{outcome}: {count}"));
        }
        for (class, outcomes) in rows {
            println!("    {:<10} {}", format!("{class:?}"), outcomes.join(", "));
        }
    }
}
