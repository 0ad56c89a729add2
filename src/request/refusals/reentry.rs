//! Keep a responder from being asked by itself.
//!
//! `AuthError::into_response` asks the layer's responder. One that builds its answer from that would ask itself without end;
//! within it, the default answer is given instead.

use std::cell::RefCell;

use super::wording::Wording;

thread_local! {
    static RESPONDING: RefCell<Option<Wording>> = const { RefCell::new(None) };
}

/// Runs a responder. A panic leaves no trace.
pub(super) fn within<T>(wording: &Wording, respond: impl FnOnce() -> T) -> T {
    let _restored = Restored(RESPONDING.replace(Some(wording.clone())));
    respond()
}

/// The wording of the layer whose responder is running on this thread.
pub(super) fn responding() -> Option<Wording> {
    // Fails only during the destruction of the thread.
    RESPONDING.try_with(|responding| responding.borrow().clone()).ok().flatten()
}

struct Restored(Option<Wording>);

impl Drop for Restored {
    fn drop(&mut self) {
        RESPONDING.set(self.0.take());
    }
}
