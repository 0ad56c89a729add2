//! Keep the state in an SQLite file.

mod open;
mod rows;

pub(crate) use open::open;
pub(crate) use rows::Store;
