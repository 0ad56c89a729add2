//! Users of a legacy system in step with the auth center.

// Checkpoint files, and killed processes.
mod checkpoint;
// Events of the auth center.
pub(crate) mod events;
// Users who log in.
mod logins;
// Pushes while either side fails.
pub(crate) mod outages;
// Pushing all users.
pub(crate) mod push;
// A legacy system in memory, and an endpoint that takes users.
pub(crate) mod support;
