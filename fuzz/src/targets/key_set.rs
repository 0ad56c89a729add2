//! A published key set and a token, against jsonwebtoken: no key accepts what none of theirs does.
//!
//! The last line of the input is the token.

use aigc_auth::__fuzz as internals;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

pub(super) fn run(data: &[u8]) {
    let end = data.iter().rposition(|&byte| byte == b'\n').unwrap_or(data.len());
    let (key_set, token) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    if !internals::is_signed_by(key_set, token) {
        return;
    }
    assert!(
        is_signed_by_one_of(key_set, token),
        "jsonwebtoken takes no key for {}",
        String::from_utf8_lossy(data)
    );
}

fn is_signed_by_one_of(key_set: &[u8], token: &[u8]) -> bool {
    let document: Value = serde_json::from_slice(key_set).unwrap();
    let algorithm = decode_header(token).unwrap().alg;
    let mut validation = Validation::new(algorithm);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    document["keys"].as_array().unwrap().iter().any(|key| {
        // What a key is. Of the rest, jsonwebtoken rejects what we pass over, such as an `x5c` that is no list.
        let key: Map<String, Value> = ["kty", "crv", "n", "e", "x", "y"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), key.get(name)?.clone())))
            .collect();
        let Ok(key) = serde_json::from_value::<Jwk>(key.into()) else { return false };
        let Ok(key) = DecodingKey::from_jwk(&key) else { return false };
        decode::<Value>(token, &key, &validation).is_ok()
    })
}
