//! Measure a call for the observer.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::ports::observer::{Call, CallOutcome, Event, Watch};
use crate::upstream::gate::{Gate, Refused};

/// A call that is being made.
pub(crate) struct CallMeter<'a> {
    watch: &'a Watch,
    endpoint: &'static str,
    /// `None` if nobody wants to know.
    began: Option<Instant>,
    sent: OnceLock<Instant>,
    attempts: AtomicU32,
}

impl<'a> CallMeter<'a> {
    pub(crate) fn new(watch: &'a Watch, endpoint: &'static str) -> Self {
        let began = watch.is_on().then(Instant::now);
        Self { watch, endpoint, began, sent: OnceLock::new(), attempts: AtomicU32::new(0) }
    }

    /// Notes that the call is sent now, for the first time or again.
    pub(crate) fn sends(&self) {
        if self.began.is_some() {
            self.sent.get_or_init(Instant::now);
            self.attempts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells of a call that was not sent.
    pub(crate) fn refused(&self, refused: Refused, gate: &Gate) {
        let outcome = match refused {
            Refused::Open(_) => CallOutcome::BreakerOpen,
            Refused::AtCapacity => CallOutcome::AtCapacity,
        };
        self.ended(outcome, None, Some(gate));
    }

    /// Tells of a call that has ended, with the HTTP status if that was an error.
    pub(crate) fn ended(&self, outcome: CallOutcome, status: Option<u16>, gate: Option<&Gate>) {
        let Some(began) = self.began else { return };
        let (sent, now) = (self.sent.get(), Instant::now());
        let waited = sent.map_or(now, |sent| *sent).duration_since(began);
        let took = sent.map_or(Duration::ZERO, |sent| now.duration_since(*sent));
        let (attempts, endpoint) = (self.attempts.load(Ordering::Relaxed), self.endpoint);
        let (in_flight, waiting) = gate.map(Gate::load).unwrap_or_default();
        self.watch.tell(|| {
            Event::Call(Call { endpoint, outcome, status, attempts, waited, took, in_flight, waiting })
        });
    }
}
