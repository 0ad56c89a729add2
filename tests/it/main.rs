//! The one integration binary: a file a subject, over real sockets.

mod paths;
mod support;
