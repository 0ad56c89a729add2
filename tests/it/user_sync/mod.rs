//! Users of a legacy system in step with the auth center.

// Checkpoint files, and killed processes.
mod checkpoint;
// Events of the auth center.
pub(crate) mod events;
// Rows that are found by another field than the unique one.
mod links;
// Users who log in.
mod logins;
// What mappings write, when, and in which direction.
mod mappings;
// Events that are late.
mod order;
// 2,000 stories of events in any order.
mod order_model;
// Pushes while either side fails.
pub(crate) mod outages;
// Pushing all users.
pub(crate) mod push;
// Users who were removed, and come back.
mod returns;
// A legacy system in memory, and an endpoint that takes users.
pub(crate) mod support;
