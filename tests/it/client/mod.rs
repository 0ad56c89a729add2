//! The client of the auth center: what it sends, what it caches, and how it handles load and faults.

// What a client is built from: settings, environment, `.env`, HTTP client.
mod builder;
// TTLs, stale-if-error, negative cache.
mod cache;
// Requests and answers of every call.
mod calls;
// `check`, `is_ready`, and the end of an outage in the log.
mod checks;
// The circuit breaker, and pauses that the center demands.
mod circuit_breaker;
// Answers of auth centers of different age.
mod dialects;
// Every fault of the center at every age of the cache; error texts.
mod faults;
// `invalidate`: credentials, headers, spellings.
mod invalidate;
// What an invalidation covers.
mod invalidation;
// Single flight, limits, and what is evicted.
mod load;
// The calls that SDK 1.1.54 and later brought.
mod newer_calls;
// Calls of the reference client, in its versions, and ours beside them.
mod reference;
// Waiting until a credential is no longer valid.
mod revoked;
// Random users through each dialect and through claims.
mod round_trips;
// What strangers and bad tokens take from the others: nothing.
mod strangers;
// Certificates of an auth center behind https.
mod tls;
