//! Tokens as Supabase writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

/// Of the tokens that [`hs256`] signs.
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
pub(crate) const SUBJECT: &str = "3f6c1c1e-6a5b-4c1f-9a55-0d1d2c3b4a59";

/// Makes a token of 430 bytes.
pub(crate) fn token(alg: &str, subject: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    let header = json!({ "alg": alg, "typ": "JWT" });
    let claims = json!({
        "sub": subject, "aud": "authenticated", "iat": now, "exp": now + 36_000,
        "email": "alice@example.com", "role": "editor",
        "app_metadata": { "provider": "email", "permissions": ["report:read", "article:write"] },
    });
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// The same, signed by [`SECRET`].
pub(crate) fn hs256(subject: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    token("HS256", subject, |message| hmac::sign(&key, message).as_ref().to_vec())
}
