//! The example as a newcomer meets it: a process of its own, every route, its settings, and how it ends.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

mod life;
mod printed_lines;
mod routes;

use test_support::http::Answer;
use test_support::process::{Example, Program};

const FULL_SERVICE: Program = Program(env!("CARGO_BIN_EXE_full_service"));

async fn start(name: &str, variables: &[(&str, &str)]) -> Example {
    FULL_SERVICE.start(name, variables).await
}

fn seen(answer: &Answer) -> (u16, &str) {
    (answer.status, &answer.body)
}

const WEBHOOK_SECRET: (&str, &str) = ("AIGC_AUTH_WEBHOOK_SECRET", "a secret of 26 characters!");
