//! Give any verifier what [`AuthClient`](crate::AuthClient) has: [`Cached`] caches what it says, asks it once for all who
//! wait, and serves known users while it cannot answer.

mod backend;
mod builder;
#[allow(clippy::module_inception)]
mod cached;

pub use builder::CachedBuilder;
pub use cached::Cached;
