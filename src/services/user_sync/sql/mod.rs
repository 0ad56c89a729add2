//! Store users in a table of an SQL database.

mod builder;
mod bytes_as;
mod companion;
mod connect;
mod filter;
mod forecast;
mod hash;
mod on_delete;
mod pbkdf2;
mod removal;
mod store;
mod trial;
mod user_table;
mod writes;

pub use builder::SqlStoreBuilder;
pub use bytes_as::BytesAs;
pub use hash::PasswordHash;
pub use on_delete::OnDelete;
pub use store::SqlStore;
