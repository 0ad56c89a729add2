//! The observer: an event for everything that an operator asks about, and as many as there were.

// Refusals: by kind, by whom, and by what was sent.
mod refusals;
// Lookups: each answer, and their sums.
mod lookups;
// An observer that panics, and one behind a verifier that is wrapped by hand.
mod observers;
mod support;
