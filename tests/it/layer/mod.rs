//! The layer and the extractors, in every kind of app.

// The request context: in handlers, tasks and jobs.
mod context;
// Exclusions beside routes with parameters, in every router layout.
mod excluded_routes;
// Extractors, guards, `RequestInfo`.
mod extractors;
// The `Authorization` header, and the answers of refused requests.
mod headers;
// What stays in memory of requests whose callers are gone.
#[cfg(target_os = "linux")]
mod memory;
// Excluded paths, router layouts, CORS.
mod paths;
// Services the layer can wrap, and what it does to them.
mod services;
// `on_verified`.
mod verified_hook;
