//! A published key set and a token, against jsonwebtoken: no key accepts what none of theirs does, and a plain one accepts what theirs does.
//!
//! The last line of the input is the token.

use aigc_auth::__fuzz as internals;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

pub(super) fn run(data: &[u8]) {
    let end = data.iter().rposition(|&byte| byte == b'\n').unwrap_or(data.len());
    let (key_set, token) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    if internals::is_signed_by(key_set, token) {
        assert!(
            is_signed_by_one_of(key_set, token),
            "jsonwebtoken takes no key for {}",
            String::from_utf8_lossy(data)
        );
    } else {
        assert!(
            !(is_plain(key_set, token) && is_signed_by_one_of(key_set, token)),
            "jsonwebtoken alone takes a key for {}",
            String::from_utf8_lossy(data)
        );
    }
}

/// Whether there is one key, of an elliptic curve, which is for this token, and nothing that this crate could reject it for.
fn is_plain(key_set: &[u8], token: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(key_set) else { return false };
    let (Some([key]), Some(1)) =
        (document["keys"].as_array().map(Vec::as_slice), document.as_object().map(Map::len))
    else {
        return false;
    };
    let header =
        str::from_utf8(token).ok().and_then(|token| URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok());
    let Some(header) = header else { return false };
    let Ok(header_read) = serde_json::from_slice::<Value>(&header) else { return false };
    let has_only = |object: &Value, names: &[&str]| {
        object.as_object().is_some_and(|object| {
            object.iter().all(|(name, value)| names.contains(&name.as_str()) && value.is_string())
        })
    };
    // No member twice, which would be missing in the compact form.
    let is_compact = |read: &Value, text: &[u8]| read.to_string().len() == text.len();
    is_compact(&document, key_set)
        && is_compact(&header_read, &header)
        && has_only(key, &["kty", "crv", "x", "y", "kid", "alg"])
        && has_only(&header_read, &["alg", "kid", "typ"])
        && ["P-256", "Ed25519"].iter().any(|&curve| key["crv"] == curve)
        && key["kid"] == header_read["kid"]
        && (key["alg"].is_null() || key["alg"] == header_read["alg"])
        && (header_read["typ"].is_null() || header_read["typ"] == "JWT")
}

fn is_signed_by_one_of(key_set: &[u8], token: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(key_set) else { return false };
    let Ok(header) = decode_header(token) else { return false };
    let mut validation = Validation::new(header.alg);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    document["keys"].as_array().is_some_and(|keys| {
        keys.iter().any(|key| {
            // What a key is. Of the rest, jsonwebtoken rejects what we pass over, such as an `x5c` that is no list.
            let key: Map<String, Value> = ["kty", "crv", "n", "e", "x", "y"]
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), key.get(name)?.clone())))
                .collect();
            let Ok(key) = serde_json::from_value::<Jwk>(key.into()) else { return false };
            let Ok(key) = DecodingKey::from_jwk(&key) else { return false };
            decode::<Value>(token, &key, &validation).is_ok()
        })
    })
}
