//! The program as its users meet it: a process, over real sockets.
//!
//! `start` how it starts and stops, `seed` what a file may have, `state` the state file, `protocol` calls and webhooks,
//! `canary` secrets that services send, `console` the API of the console, `faults` each fault from outside, `page` the console in a browser, `floods` what is sent in excess, `log_in` the log-in, `sdk` the reference client.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

mod canary;
mod console;
mod faults;
#[cfg(target_os = "linux")]
mod floods;
mod log_in;
mod page;
mod protocol;
mod sdk;
mod seed;
mod start;
mod state;
mod support;
