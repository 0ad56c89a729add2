//! Words to put into secrets.

use sha2::{Digest, Sha256};

/// Neither digits of hexadecimal numbers nor vowels: no eight of them in a row stand in a text, a hash or a number by chance.
const LETTERS: &[u8; 16] = b"ghjkmnpqrstvwxyz";

/// A word of 24 letters that is this name's alone, the same in each process.
pub fn word(name: &str) -> String {
    let hash = Sha256::digest(name.as_bytes());
    let letters = hash[..12].iter().flat_map(|byte| [byte >> 4, byte & 15]);
    letters.map(|at| char::from(LETTERS[usize::from(at)])).collect()
}

pub fn sha256(text: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(text.as_ref()).into()
}
