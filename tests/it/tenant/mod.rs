//! Whose data a request is about: headers, memberships, actions, and what is told of it.

mod acting;
mod actions;
mod again;
mod audited;
mod bound;
mod cached;
mod headers;
mod paths;
mod races;
mod resolved;
mod sql;
mod sql_rows;
pub(crate) mod support;
