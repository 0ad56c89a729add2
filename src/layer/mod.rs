//! The Tower middleware: [`AuthLayer`] finds out who asks, [`GuardLayer`] lets only some of them through.
//!
//! # Where it belongs
//!
//! `Router::layer` covers the routes that were added before it. Routes, fallbacks and routers added or merged *after*
//! it are reachable without it; extractors there answer 500 and say so, rather than let anyone in.
//!
//! A CORS layer belongs outside, that is after `.layer(auth)`: a browser's preflight carries no credential, and the
//! browser shows a refusal only if it has CORS headers.
//!
//! Wrapped by a layer of its own, a panicking handler (`tower_http::catch_panic`) is best caught outside too.

mod body;
mod captured;
mod decide;
mod exclusions;
mod future;
mod guard;
mod hook;
#[allow(clippy::module_inception)]
mod layer;
mod path_params;
mod recording;
mod service;

pub use body::ResponseBody;
pub use captured::{CaptureBody, CaptureBodyLayer};
pub use future::ResponseFuture;
pub use guard::{GuardLayer, GuardService};
pub use layer::AuthLayer;
pub use service::AuthService;
