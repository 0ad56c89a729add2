//! Users in SQL tables. Each test runs in every database that is there.

// Tables of real applications, which are asked whom they let in.
mod applications;
// Types that only one database has.
mod column_types;
// Configurations and connections that fail.
mod connect;
// Reading all users of a table.
mod paging;
// Finding, creating, updating, removing.
mod store;
// A schema of its own in each database.
pub(crate) use test_support::sql as support;
// `UserSync` on a table.
mod user_sync;
