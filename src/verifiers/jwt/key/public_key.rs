//! Parse and check public keys: RSA, P-256, P-384 and Ed25519.

use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve};

use super::key_type::KeyType;

/// Why a key cannot be used.
pub(super) type Unusable = &'static str;

/// Parses a SubjectPublicKeyInfo, which names its own key type (RFC 5280 section 4.1.2.7).
pub(super) fn from_spki(spki: &[u8]) -> Result<(DecodingKey, KeyType), Unusable> {
    if let Ok(rsa) = RsaPublicKey::from_der(spki) {
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(&rsa);
        return from_rsa(&n, &e);
    }
    for key_type in [KeyType::P256, KeyType::P384] {
        if let Ok(key) = checked(DecodingKey::from_ec_der(spki), key_type) {
            return Ok((key, key_type));
        }
    }
    let key = checked(DecodingKey::from_ed_der(spki), KeyType::Ed25519);
    key.map(|key| (key, KeyType::Ed25519)).map_err(|_| "expected an RSA, P-256, P-384 or Ed25519 key")
}

/// Parses the parameters of a JWK (RFC 7518 section 6).
pub(super) fn from_jwk(parameters: &AlgorithmParameters) -> Result<(DecodingKey, KeyType), Unusable> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => {
            let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "not base64url");
            from_rsa(&decode(&rsa.n)?, &decode(&rsa.e)?)
        }
        AlgorithmParameters::EllipticCurve(point) => {
            let key_type = match point.curve {
                EllipticCurve::P256 => KeyType::P256,
                EllipticCurve::P384 => KeyType::P384,
                _ => return Err("unsupported `crv`"),
            };
            let key = DecodingKey::from_ec_components(&point.x, &point.y).map_err(|_| "not base64url")?;
            Ok((checked(key, key_type)?, key_type))
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            let key = DecodingKey::from_ed_components(&pair.x).map_err(|_| "not base64url")?;
            Ok((checked(key, KeyType::Ed25519)?, KeyType::Ed25519))
        }
        // Anyone who can read the set could sign with it.
        AlgorithmParameters::OctetKey(_) => Err("symmetric key"),
        _ => Err("unsupported `kty` or `crv`"),
    }
}

fn from_rsa(n: &[u8], e: &[u8]) -> Result<(DecodingKey, KeyType), Unusable> {
    let first = n.iter().position(|&byte| byte != 0).unwrap_or(n.len());
    let n = n.get(first..).unwrap_or_default();
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err("expected an RSA key of 2048 to 8192 bits");
    }
    // RFC 8017 section 3.1. With an exponent of 1, anyone can sign.
    let exponent = e.iter().fold(0u64, |sum, &byte| sum.saturating_mul(256).saturating_add(byte.into()));
    if exponent < 3 || exponent % 2 == 0 {
        return Err("expected an odd RSA exponent of at least 3");
    }
    RsaPublicKeyComponents { n, e }
        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .map_err(|_| "not a valid RSA key")?;
    Ok((DecodingKey::from_rsa_raw_components(n, e), KeyType::Rsa))
}

/// Rejects points that are not on the curve now, and not with every token.
fn checked(key: DecodingKey, key_type: KeyType) -> Result<DecodingKey, Unusable> {
    let bytes = key.try_get_as_bytes().map_err(|_| "missing public point")?;
    let parsed = match key_type {
        KeyType::P256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes),
        KeyType::P384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, bytes),
        _ => ParsedPublicKey::new(&ED25519, bytes),
    };
    match parsed {
        Ok(_) => Ok(key),
        Err(_) => Err("public point is not on the curve"),
    }
}
