//! Errors of requests and calls, and errors of building.

pub(crate) mod auth_error;
mod build_error;
mod conversion;
mod kind;
mod language;
mod message;
mod seen;
mod subject;

pub(crate) use auth_error::AuthError;
pub use build_error::BuildError;
pub use kind::ErrorKind;
pub use language::Language;
