//! Synchronize an existing table of users with the auth center, without a change to its schema.
//!
//! A service with users of its own, the legacy system, joins the auth center in three steps:
//!
//! 1. [`UserSync::push_all`] pushes its users to the auth center.
//! 2. [`UserSync::on_login`] creates a row for users who log in.
//! 3. [`UserSync::handle_event`] applies the auth center's events to the rows.
//!
//! [`SyncConfig`] and its [`FieldMapping`]s map fields to columns, a [`PasswordPolicy`] chooses the passwords of new users,
//! and a [`LegacyStore`] reads and writes the rows.
//!
//! Step by step, with an example: [the guide](crate::_guide::joining).

mod apply;
mod config;
mod direction;
mod engine;
mod error;
mod field_mapping;
mod hash_format;
mod legacy_field;
mod legacy_user;
mod mapping;
mod observed;
mod password;
mod push;
mod recent;
mod service;
mod snapshot;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod sql;
mod standing;
mod store;

pub use config::SyncConfig;
pub use direction::{Direction, SyncMode};
pub use error::{SyncError, SyncErrorKind};
pub use field_mapping::{FieldMapping, TransformError};
pub use legacy_field::LegacyField;
pub use legacy_user::LegacyUser;
pub use password::{NewPassword, PasswordPolicy};
pub use push::{Push, PushEvent, PushFailure, PushOptions, PushSummary};
pub use service::UserSync;
pub use snapshot::UserSyncSnapshot;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use sql::{BytesAs, OnDelete, PasswordHash, SqlStore, SqlStoreBuilder};
pub use store::{AllUsers, LegacyStore, StoreError};
