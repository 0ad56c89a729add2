use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Signs tokens (ES256).
#[derive(Debug)]
pub(super) struct Signer {
    key: EcdsaKeyPair,
    /// PKCS #8, to be stored.
    document: Vec<u8>,
    kid: String,
}

impl Signer {
    /// Makes a key.
    ///
    /// # Panics
    /// If the system has no randomness.
    pub(super) fn new() -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let document = document.expect("the system has randomness");
        Self::from_pkcs8(document.as_ref()).expect("a key that was made here")
    }

    fn from_pkcs8(document: &[u8]) -> Option<Self> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document).ok()?;
        let hash = digest(&SHA256, key.public_key().as_ref());
        let kid = URL_SAFE_NO_PAD.encode(hash.as_ref().get(..12)?);
        Some(Self { key, document: document.to_vec(), kid })
    }

    /// Returns the key as it is stored.
    pub(super) fn row(&self) -> (String, Value) {
        (self.kid.clone(), json!({"pkcs8": STANDARD.encode(&self.document)}))
    }

    pub(super) fn restore(value: &Value) -> Result<Self, String> {
        let document = value["pkcs8"].as_str().and_then(|text| STANDARD.decode(text).ok());
        document
            .and_then(|document| Self::from_pkcs8(&document))
            .ok_or("expected a P-256 key as PKCS #8".to_owned())
    }

    /// Returns the public key (RFC 7517).
    pub(super) fn jwk(&self) -> Value {
        // Uncompressed: a byte that says so, and the two halves.
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "use": "sig", "alg": "ES256"})
    }

    /// Signs a token of this type: `JWT`, or `at+jwt`.
    ///
    /// # Panics
    /// If the system has no randomness.
    pub(super) fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "typ": typ, "kid": self.kid});
        let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes());
        let signature = signature.expect("the system has randomness");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns the claims of a token of this type that was signed here, expired or not.
    pub(super) fn read(&self, typ: &str, token: &str) -> Option<Value> {
        let (message, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
        key.verify(message.as_bytes(), &signature).ok()?;
        let (header, claims) = message.split_once('.')?;
        let part = |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        if part(header)?["typ"] != typ {
            return None;
        }
        part(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_key_reads_its_tokens_and_no_others() {
        let signer = Signer::new();
        let token = signer.sign("JWT", &json!({"sub": "7"}));
        let (kid, row) = signer.row();
        let restored = Signer::restore(&row).unwrap();
        assert_eq!((restored.row().0, restored.read("JWT", &token)), (kid, Some(json!({"sub": "7"}))));
        assert_eq!(restored.jwk(), signer.jwk());
        assert_eq!(signer.read("at+jwt", &token), None);
        assert_eq!(Signer::new().read("JWT", &token), None);
        let (head, signature) = token.rsplit_once('.').unwrap();
        assert_eq!(signer.read("JWT", &format!("{head}x.{signature}")), None);
        for text in ["", ".", "a.b.c"] {
            assert_eq!(signer.read("JWT", text), None);
        }
        assert!(Signer::restore(&json!({"pkcs8": "AAAA"})).is_err());
    }
}
