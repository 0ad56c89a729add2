//! Users that replicas share in Redis: who asks the auth center, and what a Redis in trouble costs.

// Cold tokens, restarts, flushes: how often the auth center is asked.
mod calls;
// A Redis that is stopped, killed, full or evicting.
mod outages;
// What replicas read of one another, and what they do not.
mod reading;
// Replicas in one process.
pub(crate) mod support;
