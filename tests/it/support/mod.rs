//! Helpers that several subjects share, one file for each kind.

mod center;
pub(crate) mod context;
mod log;
#[cfg(unix)]
pub(crate) mod postgres_server;
mod process;
#[cfg(unix)]
pub(crate) mod redis_server;
pub(crate) mod rig;
mod servers;
pub(crate) mod tls;
mod wait;

pub(crate) use center::{auth, client, client_with};
pub(crate) use log::Log;
#[cfg(unix)]
pub(crate) use process::signal;
pub(crate) use process::test_process;
#[cfg(target_os = "linux")]
pub(crate) use process::{measure_memory, resident_kib};
#[cfg(target_os = "linux")]
pub(crate) use servers::Blackhole;
pub(crate) use servers::Canned;
pub(crate) use test_support::http::{
    Answer, App, center, exchange, exchange_bytes, get, get_as, head, parse, post, request, send, serve,
    serve_service, verdict,
};
pub(crate) use test_support::port::Counting;
pub(crate) use test_support::reference::{Reference, Serving, converse};
pub(crate) use test_support::seed::random;
pub(crate) use test_support::stopwatch::Stopwatch;
pub(crate) use test_support::{until, until_async};
pub(crate) use wait::{Guard, Signal};
