//! Users in SQL tables. Each test runs in every database that is there.

// Tables of real applications, which are asked whom they let in.
pub(crate) mod applications;
// Text and other things in columns of bytes.
mod bytes;
// Types that only one database has.
mod column_types;
// Columns of every type.
mod cells;
// Rows of other tables that a new user needs.
mod companions;
// Configurations and connections that fail.
mod connect;
// Engines of MySQL that take nothing back.
mod engines;
// Which rows are users.
mod filters;
// Tables as frameworks make them, with the mappings of the guide.
pub(crate) mod frameworks;
// What would fail later, and is an error of the connection.
mod forecast;
// Texts of enums and sets.
mod labels;
// Rows that are linked to users.
mod links;
// Names that the table takes for the same.
mod names;
// Values that a column cannot be without, and keys.
mod nulls;
// Reading all users of a table.
mod paging;
// Behind a pooler that gives each transaction another session.
mod pooler;
// Rows of users who were removed.
mod removal;
// Tables and views of every shape.
mod shapes;
// Finding, creating, updating, removing.
mod store;
// A schema of its own in each database.
pub(crate) use test_support::sql as support;
// Zones of servers other than UTC.
mod time_zone;
// Rows that triggers change in the database's place.
mod triggers;
// `UserSync` on a table.
mod user_sync;
