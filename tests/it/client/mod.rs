//! The client of the auth center: what it sends, what it caches, and how it handles load and faults.

// What a client is built from: settings, environment, `.env`, HTTP client.
mod builder;
// TTLs, stale-if-error, negative cache, invalidation.
mod cache;
// Requests and answers of every call.
mod calls;
// The circuit breaker, and pauses that the center demands.
mod circuit_breaker;
// Every fault of the center at every age of the cache; error texts.
mod faults;
// Single flight, limits, and what is evicted.
mod load;
// Certificates of an auth center behind https.
mod tls;
