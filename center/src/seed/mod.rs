//! What a new center starts with: from a file, or three users.

mod apply;
mod check;
mod default;
#[cfg(test)]
#[path = "../../../fuzz/src/seed/fuzzed.rs"]
mod fuzzed;
#[cfg(test)]
mod fuzzed_tests;
mod id;
mod json;
mod located;
mod model;
mod read;
mod text;
mod toml;

pub(crate) use apply::apply;
pub(crate) use default::three_users;
pub(crate) use read::read;
