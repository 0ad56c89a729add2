//! The one integration binary: a file a subject, over real sockets.

mod architecture;
mod compile_errors;
mod context;
mod extractors;
mod headers;
mod paths;
mod quickstart;
mod services;
mod support;
