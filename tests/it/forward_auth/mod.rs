//! `ForwardAuth`: what it answers the proxies that ask it, each by requests as it sends them. `lab/proxies/` has the proxies.

// Credentials of browsers: where proxies leave them, and that a query's goes no further.
mod browsers;
// Requests of each proxy: users, rejections, exclusions, outages, usage records.
mod endpoint;
// The guide's configurations.
mod recipes;
// Requests that no proxy should send: untrusted peers, headers that are missing or the client's.
mod refused;
// Rules by path and by function, and paths that servers read in different ways.
mod rules;
// Callers that are services.
mod services;
// Requests as proxies send them.
mod support;
// Whose data a request is about.
mod tenants;
