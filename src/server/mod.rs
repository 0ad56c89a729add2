//! Authenticate requests: the Tower middleware, the axum extractors, and endpoints for proxies and load balancers.

pub mod extract;
#[cfg(feature = "tonic")]
pub mod grpc;
pub mod layer;
pub(crate) mod readiness;
