//! The endpoint that proxies ask about requests to other services.

#[allow(clippy::module_inception)]
mod forward_auth;
mod hop;
mod identity;
mod path;
mod proxy;
mod rules;
mod service;
mod setup;

pub use forward_auth::ForwardAuth;
pub use identity::Identity;
pub use proxy::Proxy;
pub use rules::ForwardedRequest;
