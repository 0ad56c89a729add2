//! The readers of the center's seed files, which are parts of a program, with their target.

// Parts of them are for the program alone.
#![allow(dead_code)]

#[path = "../../../center/src/seed/check.rs"]
mod check;
pub(crate) mod fuzzed;
#[path = "../../../center/src/seed/id.rs"]
mod id;
#[path = "../../../center/src/seed/json.rs"]
mod json;
#[path = "../../../center/src/seed/located.rs"]
mod located;
#[path = "../../../center/src/seed/model.rs"]
mod model;
#[path = "../../../center/src/seed/text.rs"]
mod text;
#[path = "../../../center/src/seed/toml.rs"]
mod toml;
