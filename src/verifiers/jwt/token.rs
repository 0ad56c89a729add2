//! Split a token into its segments (RFC 7515 section 7.1), and verify its signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::error::{Reason, Rejection, invalid_token, shown};
use super::key::VerificationKey;
use super::unique_json;

pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// The id of the key that signed it.
    pub(super) kid: Option<String>,
    pub(super) header: Map<String, Value>,
    /// The signed bytes: header and payload as they were received.
    message: &'a [u8],
    payload: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Splits a token, without verifying it.
    ///
    /// Reads three members of the header: `alg` is compared with the algorithms of the key, `kid` selects the key, and
    /// `crit` rejects the token. Keys inside the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, Rejection> {
        let mut segments = token.split(|&byte| byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(invalid_token(
                Reason::Shape,
                match token.split(|&byte| byte == b'.').count() {
                    1 => {
                        "opaque token, not a JWT: expected three segments, and found no dot; only its issuer can tell whose it is"
                    }
                    5 => "encrypted JWT (JWE): expected three segments, and found five",
                    _ => "malformed JWT: expected three segments",
                },
            ));
        };
        let decoded = decode(header).ok_or_else(|| {
            invalid_token(Reason::Malformed, "malformed JWT header: expected base64url without padding")
        })?;
        let header_members = unique_json::parse(&decoded).ok_or_else(|| {
            invalid_token(
                Reason::Malformed,
                "malformed JWT header: expected a JSON object with unique member names",
            )
        })?;
        if header_members.contains_key("crit") {
            return Err(invalid_token(Reason::Malformed, "unsupported `crit` extension in the JWT header"));
        }
        let alg = header_members.get("alg").and_then(Value::as_str);
        let algorithm = alg.and_then(Algorithm::from_name).ok_or_else(|| {
            let found = alg.map_or("none".to_owned(), shown);
            invalid_token(Reason::Algorithm, format!("unsupported `alg` in the JWT header: {found}"))
        })?;
        let kid = match header_members.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => {
                let detail = "malformed `kid` in the JWT header: expected a string";
                return Err(invalid_token(Reason::Malformed, detail));
            }
        };
        let signature = decode(signature).ok_or_else(|| {
            invalid_token(Reason::Malformed, "malformed JWT signature: expected base64url without padding")
        })?;
        let message = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        Ok(Self { algorithm, kid, header: header_members, message, payload, signature })
    }

    /// Returns the `iss` claim, which nobody has verified: to choose who is to verify it.
    pub(super) fn unverified_issuer(&self) -> Option<String> {
        match unique_json::parse(&decode(self.payload)?)?.remove("iss")? {
            Value::String(issuer) => Some(issuer),
            _ => None,
        }
    }

    /// Returns the `typ` of the header.
    pub(super) fn typ(&self) -> Option<&str> {
        self.header.get("typ")?.as_str()
    }

    /// Verifies the signature by the one of these keys that made it, and returns the decoded payload.
    pub(super) fn verified_payload_of_any(&self, keys: &[&VerificationKey]) -> Result<Vec<u8>, Rejection> {
        let verifies = |key: &&&VerificationKey| key.verify(self.algorithm, self.message, &self.signature);
        match keys.iter().find(verifies).or(keys.first()) {
            Some(key) => self.verified_payload(key),
            None => Err(invalid_token(Reason::Signature, "invalid JWT signature")),
        }
    }

    /// Verifies the signature, and returns the decoded payload.
    pub(super) fn verified_payload(&self, key: &VerificationKey) -> Result<Vec<u8>, Rejection> {
        if !key.supports(self.algorithm) {
            let able = key.algorithms();
            return Err(invalid_token(
                Reason::Algorithm,
                format!(
                    "the JWT is signed with {}, and its key is for {able}; `algorithms` configures others",
                    self.algorithm
                ),
            ));
        }
        if !key.verify(self.algorithm, self.message, &self.signature) {
            return Err(invalid_token(Reason::Signature, "invalid JWT signature"));
        }
        decode(self.payload).ok_or_else(|| {
            invalid_token(Reason::Malformed, "malformed JWT payload: expected base64url without padding")
        })
    }
}

/// Decodes a segment strictly, without padding or trailing bits: a token has exactly one spelling.
fn decode(segment: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(segment).ok()
}
