//! Cache verified identities, and rejections, for their TTL or until they are invalidated.
//!
//! Credentials themselves are not stored: the key is a 128-bit hash, keyed with random bits of this process.

mod cache;
mod entry;
mod interned_lists;
mod invalidation;
mod key;
mod maps;
mod pauses;
#[cfg(test)]
mod tests;
mod ttls;

pub(crate) use cache::{Cached, IdentityCache};
pub(crate) use key::{Key, Kind};
pub(crate) use ttls::CacheTtls;
