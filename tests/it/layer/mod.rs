//! The layer and the extractors, in every kind of app.

// Bodies of responses, and the context in which they are sent.
mod bodies;
// The request context: in handlers, tasks and jobs.
mod context;
// Exclusions beside routes with parameters, in every router layout.
mod excluded_routes;
// Extractors and guards.
mod extractors;
// Bodies and trailers of a gRPC service within the layer.
mod grpc;
// The `Authorization` header.
mod headers;
// What stays in memory of requests whose callers are gone.
#[cfg(target_os = "linux")]
mod memory;
// Excluded paths, router layouts, CORS.
mod paths;
// The other end of the connection: a Unix socket, a test without any.
mod peers;
// The answers of refused requests.
mod refusals;
// What is known of a request and of its client, behind each usual proxy.
mod request_info;
// Services the layer can wrap, and what it does to them.
mod services;
// WebSockets and blocking threads: their context, and how they end with their credential.
mod sockets;
// Where else than in `Authorization` a credential may stand: cookies, WebSockets, queries, other headers.
mod sources;
// `on_verified`.
mod verified_hook;
