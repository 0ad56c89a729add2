//! Make texts that nobody guesses.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Returns 192 random bits, as 32 letters, digits, `-` and `_`.
///
/// # Panics
/// If the system has no randomness.
pub(crate) fn text() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<24>())
}

/// Returns a secret of Standard Webhooks, of 256 random bits.
///
/// # Panics
/// If the system has no randomness.
pub(crate) fn webhook_secret() -> String {
    format!("whsec_{}", STANDARD.encode(bytes::<32>()))
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system has randomness");
    bytes
}
