//! The one integration binary: a file a subject, over real sockets.

mod calls;
mod center_support;
mod context;
mod extractors;
mod faults;
mod headers;
mod lifetimes;
mod paths;
mod quickstart;
mod services;
mod storms;
mod support;
