//! gRPC: services of tonic below the layer, and what clients see of refusals.

// The client's address, below tonic's server.
mod peers;
// What tonic, grpcio and grpc-js see of each refusal, beside REST on the same port.
mod refusals;
// `aigc_auth::grpc`: users, permissions and errors in services and interceptors.
mod services;
pub(crate) mod support;
