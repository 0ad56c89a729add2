//! Secrets that stand nowhere else, and a search that finds them in whatever spelling they came to stand.

// Helpers of tests are no tests to clippy, and no API.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations)]

mod readings;
mod search;
mod word;

pub use search::{Found, Search};
pub use word::{sha256, word};
