//! Tables that applications made themselves, and whether the applications let in the users whom the store writes.

// Django, FastAPI-Users and Flask-AppBuilder, in SQLite.
mod python;
// The life of users in such a table, whatever the application.
pub(crate) mod story;
