//! Tokens, against jsonwebtoken with the same keys: none is accepted that it rejects, and the plainest ones are accepted.
//!
//! The first line of the input says who signs: `H` by HS256, `E` by ES256, `D` by EdDSA, anything else nobody. The second is
//! the header, the third the payload, as JSON; of what nobody signs, the second line is the token.

use std::sync::LazyLock;

use aigc_auth::Verify;
use aigc_auth::credential::BearerToken;
use aigc_auth::jwt::JwtVerifier;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode};
use serde_json::{Map, Value};

const SECRET: &[u8] = b"a secret of the fuzz targets alone, long enough";

struct Keys {
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
    /// Each verifier, and the same for jsonwebtoken.
    verifiers: Vec<(JwtVerifier, DecodingKey, Algorithm)>,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let p256_pem =
        pem(AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(p256.public_key()).unwrap().as_ref());
    let ed25519_pem = pem(AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(ed25519.public_key())
        .unwrap()
        .as_ref());
    // 4, and both coordinates (SEC 1 section 2.3.3).
    let point = p256.public_key().as_ref();
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let verifiers = vec![
        (
            JwtVerifier::from_secret(SECRET).insecure_any_audience().build().unwrap(),
            DecodingKey::from_secret(SECRET),
            Algorithm::HS256,
        ),
        (
            JwtVerifier::from_public_key(&p256_pem).insecure_any_audience().build().unwrap(),
            DecodingKey::from_ec_components(&encoded(&point[1..33]), &encoded(&point[33..])).unwrap(),
            Algorithm::ES256,
        ),
        (
            JwtVerifier::from_public_key(&ed25519_pem).insecure_any_audience().build().unwrap(),
            DecodingKey::from_ed_components(&encoded(ed25519.public_key().as_ref())).unwrap(),
            Algorithm::EdDSA,
        ),
    ];
    Keys { p256, ed25519, verifiers }
});

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

pub(super) fn run(data: &[u8]) {
    let mut lines = data.splitn(3, |&byte| byte == b'\n');
    let who = lines.next().unwrap_or_default();
    let (second, third) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = |header: &[u8]| {
        let message = format!("{}.{}", encode(header), encode(third));
        let secret = || hmac::Key::new(hmac::HMAC_SHA256, SECRET);
        let signature = match who {
            b"H" => hmac::sign(&secret(), message.as_bytes()).as_ref().to_vec(),
            b"E" => KEYS.p256.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            b"D" => KEYS.ed25519.sign(message.as_bytes()).as_ref().to_vec(),
            _ => return None,
        };
        Some(format!("{message}.{}", encode(&signature)))
    };
    let by_somebody = signed(second);
    let token = by_somebody.clone().unwrap_or_else(|| String::from_utf8_lossy(second).into_owned());
    let Ok(bearer) = BearerToken::new(&token) else { return };
    let mut is_accepted = false;
    for (verifier, key, algorithm) in &KEYS.verifiers {
        let ours = super::block_on(verifier.verify(bearer.clone()));
        let Ok(user) = ours else { continue };
        is_accepted = true;
        assert!(by_somebody.is_some(), "nobody has signed {token}");
        let mut validation = Validation::new(*algorithm);
        (validation.leeway, validation.validate_aud) = (30, false);
        validation.validate_nbf = !begins_before_1970(third);
        // Of `sub` it takes texts alone; here it may be a number, as user ids are.
        validation.set_required_spec_claims(&["exp"]);
        let payload = String::from_utf8_lossy(third);
        let read = without_ignored_parameters(second).and_then(|header| signed(&header));
        let theirs = decode::<Value>(read.as_ref().unwrap_or(&token), key, &validation)
            .unwrap_or_else(|error| panic!("{error}, for {} and {payload}", String::from_utf8_lossy(second)));
        assert!(theirs.claims["sub"].is_string() || theirs.claims["sub"].is_number(), "{payload}");
        assert!(!user.username().is_empty(), "{payload}");
    }
    assert!(is_accepted || !is_plain(who, second, third), "nobody accepts {token}");
}

/// The header without the parameters that are not read here, `typ` and what says where keys are (`jku`, `x5u` and so on), if
/// jsonwebtoken does not read it for their types.
fn without_ignored_parameters(header: &[u8]) -> Option<Vec<u8>> {
    let mut header: Map<String, Value> = serde_json::from_slice(header).ok()?;
    if serde_json::from_value::<Header>(Value::Object(header.clone())).is_ok() {
        return None;
    }
    header.retain(|name, _| ["alg", "kid", "crit"].contains(&name.as_str()));
    serde_json::to_vec(&header).ok()
}

/// Whether a token's `nbf` is a negative number, which RFC 7519 section 2 allows, and jsonwebtoken does not read.
fn begins_before_1970(payload: &[u8]) -> bool {
    serde_json::from_slice::<Value>(payload)
        .is_ok_and(|payload| payload["nbf"].as_f64().is_some_and(|nbf| nbf < 0.0))
}

/// Whether a token has what it needs, and nothing else: one that rejects everything is found out by them.
fn is_plain(who: &[u8], header: &[u8], payload: &[u8]) -> bool {
    let algorithm = match who {
        b"H" => "HS256",
        b"E" => "ES256",
        b"D" => "EdDSA",
        _ => return false,
    };
    let headers = [format!(r#"{{"alg":"{algorithm}"}}"#), format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#)];
    let sub_and_exp = |payload: &[u8]| {
        let payload: Value = serde_json::from_slice(payload).ok()?;
        Some((payload["sub"].as_str()?.to_owned(), payload["exp"].as_u64()?))
    };
    let Some((sub, exp)) = sub_and_exp(payload) else { return false };
    // From 2096 to 2128.
    let is_ahead = (4_000_000_000..5_000_000_000).contains(&exp);
    headers.iter().any(|plain| plain.as_bytes() == header)
        && is_ahead
        && (1..=64).contains(&sub.len())
        && sub.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && payload == format!(r#"{{"sub":"{sub}","exp":{exp}}}"#).as_bytes()
}
