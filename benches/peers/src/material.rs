//! Tokens and keys, made once and read by all workers, so that all see the same requests.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const ISSUER: &str = "https://issuer.example.com/realms/peers";
pub(crate) const AUDIENCE: &str = "reports";
/// The id of every key.
const KEY: &str = "key-1";

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Material {
    pub(crate) hs256: String,
    pub(crate) es256: String,
    pub(crate) rs256: String,
    pub(crate) es256_pem: String,
    pub(crate) rs256_pem: String,
    pub(crate) hs256_jwks: Value,
    pub(crate) rs256_jwks: Value,
    /// Where the auth center is.
    pub(crate) center: String,
}

/// What a peer reads of a token: about what a user is made of.
#[derive(Clone, Debug, Deserialize)]
#[allow(dead_code, reason = "read, as a service would")]
pub(crate) struct Claims {
    sub: String,
    email: String,
    role: String,
    app_metadata: AppMetadata,
}

#[derive(Clone, Debug, Deserialize)]
#[allow(dead_code, reason = "read, as a service would")]
struct AppMetadata {
    permissions: Vec<String>,
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with the claims that all peers need, those of Keycloak among them.
fn token(alg: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    let header = json!({ "alg": alg, "typ": "JWT", "kid": KEY });
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "3f6c1c1e-6a5b-4c1f-9a55-0d1d2c3b4a59", "iat": now, "nbf": now,
        "exp": now + 36_000, "jti": "1b6d0a52-2f0c-4c39", "typ": "Bearer", "azp": "web",
        "preferred_username": "alice", "email": "alice@example.com", "email_verified": true, "role": "editor",
        "realm_access": { "roles": ["editor"] },
        "app_metadata": { "permissions": ["report:read", "article:write"] },
    });
    let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
    let signature = base64url(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn pem(key: &impl AsDer<PublicKeyX509Der<'static>>) -> String {
    let der = key.as_der().expect("a key");
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
}

impl Material {
    pub(crate) fn make(center: String) -> Self {
        let random = SystemRandom::new();
        let secret = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let sign_rsa = |message: &[u8]| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
            signature
        };
        let (modulus, exponent) = (rsa.public_key().modulus(), rsa.public_key().exponent());
        let [n, e] = [modulus, exponent].map(|number| base64url(number.big_endian_without_leading_zero()));
        let k = base64url(SECRET);
        Self {
            hs256: token("HS256", |message| hmac::sign(&secret, message).as_ref().to_vec()),
            es256: token("ES256", |message| p256.sign(&random, message).expect("signed").as_ref().to_vec()),
            rs256: token("RS256", sign_rsa),
            es256_pem: pem(p256.public_key()),
            rs256_pem: pem(rsa.public_key()),
            hs256_jwks: json!({ "keys": [{ "kty": "oct", "kid": KEY, "alg": "HS256", "k": k }] }),
            rs256_jwks: json!({ "keys": [{ "kty": "RSA", "use": "sig", "kid": KEY, "alg": "RS256", "n": n, "e": e }] }),
            center,
        }
    }

    pub(crate) fn read(file: &str) -> Self {
        let text = std::fs::read_to_string(file).expect("the tokens' file");
        serde_json::from_str(&text).expect("tokens and keys")
    }

    pub(crate) fn write(&self, file: &std::path::Path) {
        std::fs::write(file, serde_json::to_vec(self).expect("JSON")).expect("written");
    }
}
