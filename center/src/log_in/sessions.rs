//! Who is at a browser, and whom the log-in page waits for.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A browser that has logged in, by its cookie.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Session {
    /// The `sid` of its tokens.
    pub(super) id: String,
    pub(super) username: String,
    pub(super) since: SystemTime,
    pub(super) expires_at: SystemTime,
}

impl Session {
    /// Whether its user has logged in within this time, if there is one.
    pub(super) fn is_as_young_as(&self, max_age: Option<Duration>) -> bool {
        // An error is a time to come: the clock was set back since.
        max_age.is_none_or(|max_age| self.since.elapsed().unwrap_or_default() < max_age)
    }
}

/// What an app asks for by an authorization request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) app_id: String,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
}

/// A log-in page that was shown.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) asked: Asked,
    /// The cookie of the browser that was shown it: no other may send the form.
    pub(super) browser: String,
    pub(super) attempts: u32,
    pub(super) expires_at: SystemTime,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) asked: Asked,
    pub(super) session: Session,
    pub(super) expires_at: SystemTime,
    /// The grant that was made of it: a code that comes again ends it.
    pub(super) spent: Option<String>,
}

/// How long a browser stays logged in: a working day.
pub(super) const SESSION: Duration = Duration::from_secs(8 * 3600);
pub(super) const PENDING: Duration = Duration::from_secs(600);
pub(super) const CODE: Duration = Duration::from_secs(60);
/// Wrong passwords that a page takes.
pub(super) const ATTEMPTS: u32 = 5;
/// Access tokens of a grant that are valid at a time.
pub(super) const ACCESS_TOKENS: usize = 20;
/// Entries of each map: the oldest makes room.
pub(super) const MAX: usize = 1_000;

/// Adds an entry, in the place of the one that ends first where there are too many.
pub(super) fn insert<T>(map: &mut BTreeMap<String, T>, key: String, value: T, end: fn(&T) -> SystemTime) {
    if map.len() >= MAX
        && let Some(first) = map.iter().min_by_key(|(_, value)| end(value)).map(|(key, _)| key.clone())
    {
        map.remove(&first);
    }
    map.insert(key, value);
}
