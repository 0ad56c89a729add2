//! Revoke tokens before their end: one token, a session, or all that a user was issued before an instant.
//!
//! A [`JwtVerifier`](crate::jwt::JwtVerifier) accepts a token until it expires. With a list of revocations
//! ([`revocations`](crate::jwt::JwtVerifierBuilder::revocations)) it rejects those on the list, from the next request on, cached
//! ones included. [`MemoryRevocations`] is a list of one process; `RedisRevocations`, with the feature `redis`, one that replicas
//! share.
//!
//! [`revoke_router`] is a log-out for callers; [`BackChannelLogout`] receives those of the issuer.

mod back_channel;
mod list;
mod logout_replays;
mod memory;
#[cfg(feature = "redis")]
mod redis_list;
mod router;

pub use crate::ports::revocations::{RevocationError, Revocations};
pub use crate::types::revocation::{Revocation, RevocationFailure, RevocationStatus, TokenIds};
pub use back_channel::BackChannelLogout;
pub use memory::MemoryRevocations;
#[cfg(feature = "redis")]
pub use redis_list::{RedisRevocations, RedisRevocationsBuilder};
pub use router::revoke_router;
