//! What the tests of the crate and those of the examples share.

// Helpers of tests are no tests to clippy, and no API.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations)]

use std::time::{Duration, Instant};

#[cfg(feature = "browser")]
pub mod browser;
pub mod crowd;
pub mod expectations;
pub mod http;
#[cfg(feature = "jwt")]
pub mod jwt;
pub mod openapi;
pub mod port;
pub mod process;
pub mod python;
pub mod redis;
pub mod reference;
pub mod seed;
#[cfg(feature = "sql")]
pub mod sql;
pub mod stopwatch;

/// Waits until it is so, at most 10 s.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    until_async(what, async || so()).await;
}

/// Waits until it is so, at most 10 s, where to look takes a while.
pub async fn until_async(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !so().await {
        assert!(start.elapsed() < Duration::from_secs(10), "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
