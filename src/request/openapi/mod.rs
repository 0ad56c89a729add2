//! Describe a service in OpenAPI, with utoipa: who may call what, by which credential, and how refusals are answered.
//!
//! [`documented_routes!`](crate::documented_routes) reads what a handler requires from its arguments. An
//! [`AuthLayer`](crate::AuthLayer) is a [`Modify`](utoipa::Modify) that adds what it does to the routes below: where
//! credentials are read from, and its answers 401, 403 and 503. The guide is [`openapi`](crate::_guide::openapi).
//!
//! `ToSchema` is implemented by [`UserInfo`](crate::UserInfo), [`UserId`](crate::UserId), the parts of both, the ids of
//! tenants, [`Envelope`](crate::error::Envelope), and the [declared](crate::permission::Code)
//! [codes](crate::permission::Action).

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
pub use routes::{Routes, require};
#[doc(hidden)]
pub use routes::{documented, merged};
pub use scheme::BearerScheme;
pub(crate) use scheme::{BEARER, bearer};
pub(crate) use security::{is_optional, scopes};
