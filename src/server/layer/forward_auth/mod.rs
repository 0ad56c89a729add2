//! Authenticate requests to other services, in any language, for the proxy in front of them.
//!
//! nginx (`auth_request`), Caddy (`forward_auth`), Traefik (`ForwardAuth`) and Envoy (`ext_authz`) ask an endpoint about each
//! request before they pass it on. [`ForwardAuth`] is that endpoint: it passes the original method, URI and headers through an
//! [`AuthLayer`](crate::AuthLayer), and answers 200 with the user in headers, or with the layer's rejection.
//!
//! The guide [`proxies`](crate::_guide::proxies) has a configuration for each proxy.

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
