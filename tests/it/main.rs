//! The one integration binary: a folder for each subject, over real sockets. Each folder's `mod.rs` says what its files
//! are for. Helpers of one subject are in its `support`, those of several in `support/`.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

// Layers of the source, read from its paths.
mod architecture;
// Secrets through everything, and a search that finds none.
mod canary;
// Futures that are dropped wherever they wait; a runtime that ends under load.
mod cancellation;
// `AuthClient`: calls, cache, circuit breaker, limits, TLS.
mod client;
// Replicas that invalidate together: faults of Redis, webhooks, lifetimes.
mod cluster;
// What a dependent gets with a feature: one database driver each.
mod features;
// The fuzz targets over their corpora: `fuzz/`.
mod fuzzed;
// `ForwardAuth`: the endpoint that proxies ask.
mod forward_auth;
// gRPC: services of tonic below the layer, and what clients see of refusals.
mod grpc;
// Acting as another user: policy, directory, audit.
mod impersonation;
// Random interleavings of requests, lookups and events against client, layer and webhook together.
mod invalidation;
// `JwtVerifier`: tokens, claims, key sets, attacks.
mod jwt;
// Other people's software, outside the everyday suite: `tests/lab/run.sh`.
mod lab;
// `AuthLayer`, extractors, guards, request context.
mod layer;
// The observer: an event for each kind of thing that happens.
mod observer;
// Documents in OpenAPI, against what services do.
mod openapi;
// `OutboundClient`: propagation, trust, redirects.
mod outbound;
// Registered services: heartbeats, configuration.
mod registry;
// `Readiness`: the endpoint for load balancers.
mod readiness;
// Tokens that end before they expire: log-outs, lists, Redis.
mod revocation;
// Services as callers: their tokens, scopes, our own signer.
mod service;
// Users that replicas share in Redis.
#[cfg(unix)]
mod shared_cache;
// Everything together, for a long time, while all that is around it fails: `tests/soak.sh`.
#[cfg(target_os = "linux")]
mod soak;
// `SqlStore`: PostgreSQL, MySQL, SQLite.
mod sql;
// Usage records: fields, outcomes, delivery, spool.
mod stats;
// What `Debug` shows of users.
mod personal_data;
// Helpers of several subjects: servers, clients, waits.
mod support;
// Organisations and teams: extractors, cached memberships, `SqlMemberships`.
mod tenant;
// `testing`: callers without an auth center, usage records, outages.
mod test_kit;
// What leaves the repository: names of files, links.
mod published;
// What the page of that name says of answers and log lines.
mod troubleshooting;
// Spans, and the headers of a trace.
mod trace;
// `UserSync`: events, logins, pushes.
mod user_sync;
// Verifiers that combine: `Cached`, `Introspection`, `ByIssuer`.
mod verifiers;
// Webhooks: endpoint, handlers, replays, sender, subscription.
mod webhook;
