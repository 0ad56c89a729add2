//! Authenticate requests with [`AuthLayer`](crate::AuthLayer), and authorize them with [`GuardLayer`] and
//! [`TenantGuardLayer`].
//!
//! # Where it belongs
//!
//! `Router::layer` covers the routes that were added before it. Routes, fallbacks and routers that are added or merged
//! *after* it bypass it; extractors there answer 500, and log why, instead of granting access.
//!
//! Put a CORS layer outside, that is after `.layer(auth)`: a browser's preflight has no credential, and the browser
//! shows an error response to the page only if it has CORS headers.
//!
//! A layer that catches panics of handlers (`tower_http::catch_panic`) belongs outside, too.

mod after_verification;
mod at_end;
mod body;
mod capture_body;
mod credential_settings;
mod decision;
mod excluded_paths;
pub mod forward_auth;
mod found_credential;
mod future;
mod guard;
#[allow(clippy::module_inception)]
pub(crate) mod layer;
mod missing;
mod named_route;
mod observed;
#[cfg(feature = "utoipa")]
mod openapi;
mod path_params;
mod preflight;
mod refusal_settings;
mod served_request;
mod service;
mod sources;
mod tenant_guard;
mod tracing_settings;
mod usage;
mod verified_hook;

pub use capture_body::{CaptureBody, CaptureBodyLayer};
pub use future::ResponseFuture;
pub use guard::{GuardLayer, GuardService};
pub use service::AuthService;
pub use sources::CredentialSource;
pub use tenant_guard::{TenantGuardLayer, TenantGuardService};

pub use crate::request::client_ip::TrustedProxies;
