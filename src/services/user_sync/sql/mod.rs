//! Store users in a table of an SQL database.

mod builder;
mod bytes_as;
mod catalog;
mod column;
mod companion;
mod connect;
mod connections;
mod dialect;
mod failure;
mod filter;
mod forecast;
mod hash;
mod labels;
mod on_delete;
mod pbkdf2;
mod pool;
mod removal;
mod statements;
mod store;
mod texts;
mod time_zone;
mod trial;
mod user_table;
mod writes;

pub use builder::SqlStoreBuilder;
pub use bytes_as::BytesAs;
pub use hash::PasswordHash;
pub use on_delete::OnDelete;
pub use store::SqlStore;
