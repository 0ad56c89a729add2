//! Cache verified identities, and rejections, for their TTL or until they are invalidated.
//!
//! Credentials themselves are not stored: the key is a 128-bit hash, keyed with random bits of this process, or with a secret that
//! the replicas of a cluster share.

mod cache;
mod entry;
mod fresh;
mod in_cluster;
mod insertion;
mod interned_lists;
mod invalidation;
mod key;
mod maps;
mod pauses;
mod removal;
#[cfg(test)]
mod tests;
mod times;
mod trust;
mod ttls;
mod value;

pub(crate) use cache::{Cached, IdentityCache};
pub(crate) use fresh::Fresh;
pub(crate) use key::{Key, Kind};
#[cfg(feature = "stats")]
pub(crate) use key::{KeyHasher, KeyMap};
pub(crate) use trust::TrustTimes;
pub(crate) use ttls::CacheTtls;
pub(crate) use value::{About, RejectedAbout, Value};
