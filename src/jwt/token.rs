//! A token taken apart (RFC 7515 section 7.1), before anything of it is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::key::Key;
use super::{invalid, object};
use crate::error::AuthError;

pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// The name of its key.
    pub(super) kid: Option<String>,
    /// What is signed: header and payload as they were sent.
    message: &'a [u8],
    payload: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart. Of its header, three members count: `alg` is compared with what the key is for, `kid` with
    /// the names of known keys, and `crit` refuses. Keys that a token brings along (`jwk`, `jku`, `x5c`, `x5u`) are not
    /// looked at.
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, AuthError> {
        let mut parts = token.split(|&byte| byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid("it is not three parts with dots between"));
        };
        let decoded = decode(header).ok_or_else(|| invalid("its header is not base64url without padding"))?;
        let header_members = object::parse(&decoded)
            .ok_or_else(|| invalid("its header is not a JSON object whose names stand once each"))?;
        if header_members.contains_key("crit") {
            return Err(invalid("it asks for extensions (crit) that nobody here knows"));
        }
        let algorithm = header_members.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
        let algorithm = algorithm.ok_or_else(|| invalid("its alg is none of those known here"))?;
        let kid = match header_members.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(invalid("its kid is not a string")),
        };
        let signature =
            decode(signature).ok_or_else(|| invalid("its signature is not base64url without padding"))?;
        let message = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        Ok(Self { algorithm, kid, message, payload, signature })
    }

    /// The payload, if the key signed it.
    pub(super) fn open(&self, key: &Key) -> Result<Vec<u8>, AuthError> {
        if !key.fits(self.algorithm) {
            return Err(invalid("its alg is not one that its key is for"));
        }
        if !key.verifies(self.algorithm, self.message, &self.signature) {
            return Err(invalid("its signature is wrong"));
        }
        decode(self.payload).ok_or_else(|| invalid("its payload is not base64url without padding"))
    }
}

/// Strict: neither padding nor stray bits at the end, so that a token has one spelling.
fn decode(part: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
