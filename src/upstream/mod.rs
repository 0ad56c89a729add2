//! Call the auth center: connections, retries, the circuit breaker, and the cache of verified identities.

pub(crate) mod api_client;
pub(crate) mod circuit_breaker;
pub(crate) mod http_client;
pub(crate) mod identity_cache;
pub(crate) mod slots;
