//! An issuer of tokens (JWT) in the process, as Supabase or Keycloak would be.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Signs tokens by a key that it makes for itself.
#[derive(Debug)]
pub struct Issuer {
    key: EcdsaKeyPair,
}

impl Issuer {
    const KID: &str = "the-only-key";

    /// Where it publishes its key.
    pub const JWKS: &str = "/.well-known/jwks.json";

    /// Makes a key.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn new() -> Result<Self, Unspecified> {
        Ok(Self { key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)? })
    }

    /// Serves the public half of the key at [`JWKS`](Self::JWKS) and the metadata of OpenID Connect on a port of its own, and
    /// further routes that know the URL, as long as the process runs. Returns the URL, which is the issuer's name.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub async fn publish(&self, further: impl FnOnce(&str) -> Router) -> std::io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let keys = self.key_set();
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}{}", Self::JWKS) });
        let routes = further(&url)
            .route(Self::JWKS, get(move || async move { Json(keys) }))
            .route("/.well-known/openid-configuration", get(move || async move { Json(metadata) }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(url)
    }

    fn key_set(&self) -> Value {
        // Uncompressed: a byte that says so, and the two halves.
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
        let key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": Self::KID, "use": "sig", "alg": "ES256" });
        json!({ "keys": [key] })
    }

    /// Signs a token of this type: `JWT`, or `logout+jwt`.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn sign(&self, kind: &str, claims: &Value) -> Result<String, Unspecified> {
        let header = json!({ "alg": "ES256", "typ": kind, "kid": Self::KID });
        let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Makes an id of a token or a session that nobody guesses.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn fresh_id() -> Result<String, Unspecified> {
        let mut id = [0; 16];
        rand::fill(&mut id)?;
        Ok(URL_SAFE_NO_PAD.encode(id))
    }

    /// The seconds since 1970, for `iat` and `exp`.
    pub fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}
