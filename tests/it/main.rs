//! The one integration binary: a file a subject, over real sockets.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

mod architecture;
mod compile_errors;
mod context;
mod extractors;
mod headers;
mod paths;
mod quickstart;
mod services;
mod support;
