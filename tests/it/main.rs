//! The one integration binary: a file a subject, over real sockets.

mod calls;
mod center_support;
mod faults;
mod lifetimes;
mod storms;
