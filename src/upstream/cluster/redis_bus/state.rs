use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::proof::Position;
use super::publisher::Publisher;

/// What outlives connections.
pub(super) struct State {
    pub(super) publisher: Publisher,
    /// Up to where this replica has heard everything.
    position: Mutex<Option<Position>>,
    /// How many connections in a row have ended before what was missed was read.
    unread: AtomicU32,
}

impl State {
    /// So many connections try. A path that comes and goes may cut some.
    const MAX_UNREAD: u32 = 3;

    pub(super) fn new() -> Self {
        Self { publisher: Publisher::new(), position: Mutex::default(), unread: AtomicU32::new(0) }
    }

    /// Locked for a moment, never while Redis is asked.
    pub(super) fn position(&self) -> MutexGuard<'_, Option<Position>> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection starts to read. Returns whether those before it could not, again and again.
    pub(super) fn is_stuck(&self) -> bool {
        self.unread.fetch_add(1, Ordering::Relaxed) >= Self::MAX_UNREAD
    }

    /// What was missed was read.
    pub(super) fn has_read(&self) {
        self.unread.store(0, Ordering::Relaxed);
    }
}
