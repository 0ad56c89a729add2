//! Calls to other services on behalf of the user: [`OutboundClient`], and the same as a middleware.
//!
//! Credentials go only to the origins that are named when the client is built. A call to any other host goes out bare, a
//! redirect never takes them elsewhere, and what is called is recorded for the auth center's bills.

mod builder;
mod carry;
mod client;
mod error;
mod middleware;
mod origin;
mod record;
mod redirect;
mod request;

pub use builder::OutboundBuilder;
pub use client::OutboundClient;
pub use error::{OutboundError, OutboundErrorKind};
pub use middleware::OutboundMiddleware;
pub use request::OutboundRequest;
