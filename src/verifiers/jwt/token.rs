//! Split a token into its segments (RFC 7515 section 7.1), and verify its signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::error::invalid_token;
use super::key::VerificationKey;
use super::unique_json;
use crate::types::error::AuthError;

pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// The id of the key that signed it.
    pub(super) kid: Option<String>,
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
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, AuthError> {
        let mut segments = token.split(|&byte| byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(invalid_token("malformed JWT: expected three segments"));
        };
        let decoded = decode(header)
            .ok_or_else(|| invalid_token("malformed JWT header: expected base64url without padding"))?;
        let header_members = unique_json::parse(&decoded).ok_or_else(|| {
            invalid_token("malformed JWT header: expected a JSON object with unique member names")
        })?;
        if header_members.contains_key("crit") {
            return Err(invalid_token("unsupported `crit` extension in the JWT header"));
        }
        let algorithm = header_members.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name);
        let algorithm = algorithm.ok_or_else(|| invalid_token("unsupported `alg` in the JWT header"))?;
        let kid = match header_members.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(invalid_token("malformed `kid` in the JWT header: expected a string")),
        };
        let signature = decode(signature)
            .ok_or_else(|| invalid_token("malformed JWT signature: expected base64url without padding"))?;
        let message = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        Ok(Self { algorithm, kid, message, payload, signature })
    }

    /// Verifies the signature, and returns the decoded payload.
    pub(super) fn verified_payload(&self, key: &VerificationKey) -> Result<Vec<u8>, AuthError> {
        if !key.supports(self.algorithm) {
            return Err(invalid_token("the key of the JWT is not meant for the `alg` of its header"));
        }
        if !key.verify(self.algorithm, self.message, &self.signature) {
            return Err(invalid_token("invalid JWT signature"));
        }
        decode(self.payload)
            .ok_or_else(|| invalid_token("malformed JWT payload: expected base64url without padding"))
    }
}

/// Decodes a segment strictly, without padding or trailing bits: a token has exactly one spelling.
fn decode(segment: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(segment).ok()
}
