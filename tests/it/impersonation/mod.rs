//! Impersonation: admins who act as another user.

// Log lines and audit sinks.
mod audit;
// The request context before and after the switch.
mod context;
// The auth center as the directory of target users: caching and faults.
mod directory;
// The header, sent to handlers that know nothing of it.
mod elsewhere;
// `ActAsUser`: the header, the refusals, the permissions.
mod extractor;
// Nested layers, and handlers outside the request context.
mod layers;
// The options of `ActAsPolicy`, and directories of a service.
mod policy;
// Users, directories and sinks for these tests.
pub(crate) mod support;
// What usage records say of impersonated requests.
mod usage_records;
