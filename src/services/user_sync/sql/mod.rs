//! Store users in a table of an SQL database.

mod builder;
mod catalog;
mod column;
mod connections;
mod dialect;
mod failure;
mod hash;
mod on_delete;
mod pool;
mod statements;
mod store;
mod time_zone;
mod user_table;

pub use builder::SqlStoreBuilder;
pub use hash::PasswordHash;
pub use on_delete::OnDelete;
pub use store::SqlStore;
