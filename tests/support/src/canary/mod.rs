//! Secrets that stand nowhere else, and a search that finds them in whatever spelling they came to stand.

mod readings;
mod search;
mod word;

pub use search::{Found, Search};
pub use word::{sha256, word};
