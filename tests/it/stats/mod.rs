//! Usage records.

// Captured request bodies.
mod bodies;
// Records of handlers and jobs, and recorders of a service.
mod custom_records;
// Delivery to an auth center that fails.
mod delivery;
// Strangers with random tokens beside users.
mod floods;
// A gateway that refuses large bodies.
mod gateway;
// Large records, and what refuses them.
mod large;
// How a request ends, and which status is recorded.
mod outcomes;
// The fields of a record, and which requests leave one.
mod records;
// Records that the auth center refused, and what people do with them.
mod refused;
// Records on disk, and killed processes.
mod spool;
// A recorded service, and what its center receives.
pub(crate) mod support;
