//! What the fuzz targets reach that is not public: a key set, without a server that publishes it.

use super::key_set::{KeyLookup, KeySet};
use super::token::Token;

/// Whether one of the keys of a set has signed a token. What the token says is not looked at.
pub fn is_signed_by(key_set: &[u8], token: &[u8]) -> bool {
    let (Ok(keys), Ok(token)) = (KeySet::parse(key_set, None), Token::parse(token)) else { return false };
    match keys.find(&token) {
        KeyLookup::Found(keys) => token.verify_by_any(&keys).is_ok(),
        KeyLookup::Unknown(_) | KeyLookup::Never(_) => false,
    }
}
