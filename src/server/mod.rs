//! Authenticate requests: the Tower middleware and the axum extractors.

pub mod extract;
pub mod layer;
