//! Make texts that nobody guesses.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Returns 192 random bits, as 32 letters, digits, `-` and `_`.
///
/// # Panics
/// If the system has no randomness.
pub(crate) fn text() -> String {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).expect("the system has randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}
