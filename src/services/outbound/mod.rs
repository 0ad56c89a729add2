//! Call other services on behalf of the current user, by [`OutboundClient`] or as a middleware.
//!
//! Credentials are sent only to the trusted origins that the client is built with. Calls to other hosts carry none,
//! redirects never take credentials to another origin, and each call is recorded for the auth center's bills.

mod builder;
mod client;
mod error;
mod idle;
mod middleware;
mod origin;
mod propagation;
mod redirect;
mod request;
#[cfg(feature = "jwt")]
pub(crate) mod signer;
mod usage;

pub use builder::OutboundClientBuilder;
pub use client::OutboundClient;
pub use error::{OutboundError, OutboundErrorKind};
pub use middleware::OutboundMiddleware;
pub use request::OutboundRequest;
