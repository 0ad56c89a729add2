//! Authenticate requests: the Tower middleware, the axum extractors, and an endpoint for proxies.

pub mod extract;
pub mod layer;
