//! Verify opaque tokens by asking who issued them: token introspection (RFC 7662).
//!
//! [`Introspection`] asks on every request; a [`Cached`](crate::cached::Cached) around it keeps answers.

mod answer;
mod builder;
mod endpoint;
#[allow(clippy::module_inception)]
mod introspection;

pub use builder::IntrospectionBuilder;
pub use introspection::Introspection;
