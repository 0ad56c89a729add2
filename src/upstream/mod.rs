//! Ask who a credential belongs to: connections, retries, the circuit breaker, lookups, and the cache of verified
//! identities.

pub(crate) mod api_client;
pub(crate) mod call_meter;
pub(crate) mod circuit_breaker;
pub mod cluster;
pub(crate) mod expiry;
pub(crate) mod gate;
pub(crate) mod guard;
pub(crate) mod http_client;
pub(crate) mod http_span;
pub(crate) mod http_url;
pub(crate) mod identity_cache;
pub(crate) mod lookups;
pub(crate) mod owner;
#[cfg(feature = "redis")]
pub(crate) mod redis_link;
#[cfg(feature = "redis")]
pub(crate) mod shared_cache;
pub(crate) mod slots;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) mod sql;
pub(crate) mod trace_headers;
