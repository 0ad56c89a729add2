//! What documents say of requests: who may make them, and how they are refused.

mod operation;
mod operations;
mod problem;
mod refusals;
mod routes;
mod scheme;
mod security;

pub(crate) use operation::rename_tenant_headers;
pub(crate) use operations::of_document;
pub use problem::Problem;
pub use refusals::{Denied, Refusals, Unauthenticated, Unavailable};
pub(crate) use refusals::{Form, add};
pub use routes::{Routes, documented, merged, require};
pub use scheme::BearerScheme;
pub(crate) use scheme::{BEARER, bearer};
pub(crate) use security::{is_optional, scopes};
