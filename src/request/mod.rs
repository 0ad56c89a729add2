//! What is known of a request.

pub(crate) mod acting;
pub(crate) mod auth_state;
pub(crate) mod caller;
pub(crate) mod client_ip;
pub mod context;
#[cfg(feature = "webhook")]
pub(crate) mod delivery;
pub(crate) mod impersonation;
#[cfg(feature = "utoipa")]
pub mod openapi;
pub(crate) mod original_uri;
pub(crate) mod proxy_headers;
pub(crate) mod refusals;
pub(crate) mod target_header;
pub(crate) mod tenant;
