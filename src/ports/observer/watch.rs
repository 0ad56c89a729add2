use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::event::Event;
use super::observer_port::Observer;

/// The observer, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Watch(Option<Arc<dyn Observer>>);

impl Watch {
    pub(crate) fn by(observer: impl Observer) -> Self {
        Self(Some(Arc::new(observer)))
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    #[cfg(feature = "client")]
    pub(crate) fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.0.clone()
    }

    /// Returns this one, or else the other.
    #[must_use]
    pub(crate) fn or(self, other: impl FnOnce() -> Self) -> Self {
        if self.is_on() { self } else { other() }
    }

    /// Tells an event, which is made only if somebody wants it. Hold no lock: what an observer does takes its time.
    #[inline]
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(observer) = &self.0 {
            tell(&**observer, &event());
        }
    }
}

fn tell(observer: &dyn Observer, event: &Event) {
    static HAS_PANICKED: AtomicBool = AtomicBool::new(false);
    // Unwind safety: whatever state the panic leaves is the observer's, which may see it at the next event as well.
    let told = catch_unwind(AssertUnwindSafe(|| observer.observe(event)));
    if told.is_err() && !HAS_PANICKED.swap(true, Ordering::Relaxed) {
        // The panic itself is in the log: the panic hook's.
        tracing::error!("the observer panicked; further panics of it are not logged here");
    }
}

impl From<Option<Arc<dyn Observer>>> for Watch {
    fn from(observer: Option<Arc<dyn Observer>>) -> Self {
        Self(observer)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.is_on()).finish()
    }
}
