//! Legacy systems: an existing table of users, kept in step with the auth center without a change to its schema.
//!
//! A service with users of its own joins the auth center in three steps. [`UserSync::push_all`] gives the auth center the
//! users that are there. [`UserSync::on_login`] gives those who log in a row. [`UserSync::handle_event`] follows what the
//! auth center reports. What belongs together is said by [`SyncConfig`] and its [`FieldMapping`]s, which password new
//! users get by a [`PasswordPolicy`], and where the users are by a [`LegacyStore`].
//!
//! The whole way, with an example: [`_joining`](crate::_joining).

mod config;
mod engine;
mod error;
mod mapping;
mod password;
mod push;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod sql;
mod store;
mod user_sync;

pub use config::{Direction, SyncConfig};
pub use error::{SyncError, SyncErrorKind};
pub use mapping::{FieldMapping, TransformError};
pub use password::{NewPassword, PasswordPolicy, Way};
pub use push::{Push, PushEvent, PushFailure, PushOptions, PushSummary};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use sql::{OnDelete, PasswordHash, SqlStore, SqlStoreBuilder};
pub use store::{AllUsers, LegacyStore, LegacyUser, StoreError};
pub use user_sync::UserSync;
