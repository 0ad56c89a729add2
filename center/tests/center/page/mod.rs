//! The console as people use it: in a headless Chromium. Where none is installed, these tests are skipped.

mod accessibility;
mod drill;
mod load;
mod open_page;
#[cfg(target_os = "linux")]
mod quickstart;
mod security;
mod users;
