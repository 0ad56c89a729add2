//! Authenticate requests: the Tower middleware, the axum extractors, and an endpoint for proxies.

pub mod extract;
#[cfg(feature = "tonic")]
pub mod grpc;
pub mod layer;
