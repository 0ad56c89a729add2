use std::sync::{Mutex, MutexGuard, PoisonError};

use super::proof::Position;
use super::publisher::Publisher;

/// What outlives connections.
pub(super) struct State {
    pub(super) publisher: Publisher,
    /// Up to where this replica has heard everything.
    position: Mutex<Option<Position>>,
}

impl State {
    pub(super) fn new() -> Self {
        Self { publisher: Publisher::new(), position: Mutex::default() }
    }

    /// Locked for a moment, never while Redis is asked.
    pub(super) fn position(&self) -> MutexGuard<'_, Option<Position>> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
