//! Reach an SQL database: statements whose names are quoted and whose values are bound, each in a transaction of its own, and
//! the columns of a table as the database describes them.

pub(crate) mod catalog;
pub(crate) mod column;
mod connections;
pub(crate) mod dialect;
pub(crate) mod failure;
mod labels;
mod lease;
pub(crate) mod pool;
mod required;
pub(crate) mod statements;
mod texts;
mod time_zone;
