//! Split a token into its segments (RFC 7515 section 7.1), and verify its signature.

use std::cell::{Cell, OnceCell};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memmem;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::error::{Reason, Rejection, invalid_token};
use super::header::Header;
use super::key::VerificationKey;
use crate::types::claims::{shown, type_of, unique_json};

pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// The id of the key that signed it.
    pub(super) kid: Option<String>,
    typ: Option<String>,
    header: &'a [u8],
    /// The signed bytes: header and payload as they were received.
    message: &'a [u8],
    payload: &'a [u8],
    signature: Vec<u8>,
    /// `None` if the payload is not base64url, or no object with unique names. Decoded once, when first needed.
    claims: OnceCell<Option<Claims>>,
}

/// What a payload says. Whether the issuer has said it, only [`Token::verify`] tells.
struct Claims {
    /// Taken by whoever keeps it.
    text: Cell<String>,
    members: Map<String, Value>,
}

impl<'a> Token<'a> {
    /// Splits a token, without verifying it.
    ///
    /// Reads three members of the header: `alg` is compared with the algorithms of the key, `kid` selects the key, and
    /// `crit` rejects the token. Keys inside the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, Rejection> {
        let Some([header, payload, signature]) = segments(token) else {
            let detail = match dots(token).count() {
                0 => "opaque token, not a JWT: expected three segments, found no dot; only its issuer can tell whose it is".into(),
                4 => "encrypted JWT (JWE): expected three segments, found five".into(),
                dots => format!("malformed JWT: expected three segments, found {}", dots + 1),
            };
            return Err(invalid_token(Reason::Shape, detail));
        };
        let decoded = decode(header).ok_or_else(|| {
            invalid_token(Reason::Malformed, "malformed JWT header: expected base64url without padding")
        })?;
        let Header { alg, kid, typ, crit } = Header::parse(&decoded).ok_or_else(|| {
            invalid_token(
                Reason::Malformed,
                "malformed JWT header: expected a JSON object with unique member names",
            )
        })?;
        if let Some(crit) = crit {
            let found = shown(&crit.to_string());
            let detail =
                format!("unsupported `crit` extension in the JWT header: expected none, found {found}");
            return Err(invalid_token(Reason::Malformed, detail));
        }
        let alg = alg.as_ref().and_then(Value::as_str);
        let algorithm = alg.and_then(Algorithm::from_name).ok_or_else(|| {
            let found = alg.map_or("no text".to_owned(), shown);
            let detail = format!(
                "unsupported `alg` in the JWT header: expected one of `jwt::Algorithm`, found {found}"
            );
            invalid_token(Reason::Algorithm, detail)
        })?;
        let kid = match kid {
            None => None,
            Some(Value::String(kid)) => Some(kid),
            Some(other) => {
                let found = type_of(&other);
                let detail = format!("malformed `kid` in the JWT header: expected a string, found {found}");
                return Err(invalid_token(Reason::Malformed, detail));
            }
        };
        let signature = decode(signature).ok_or_else(|| {
            invalid_token(Reason::Malformed, "malformed JWT signature: expected base64url without padding")
        })?;
        let message = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let typ = match typ {
            Some(Value::String(typ)) => Some(typ),
            _ => None,
        };
        Ok(Self { algorithm, kid, typ, header, message, payload, signature, claims: OnceCell::new() })
    }

    /// Whether a token has the three segments of a JWT.
    pub(super) fn has_shape(token: &[u8]) -> bool {
        dots(token).count() == 2
    }

    /// Returns the `iss` claim of a token that cannot be parsed, which nobody has verified. `None` if it is no JWT: without a
    /// header that is a JSON object.
    pub(super) fn issuer_of_malformed(token: &[u8]) -> Option<Option<String>> {
        let mut segments = token.split(|&byte| byte == b'.');
        unique_json::parse(&decode(segments.next()?)?)?;
        let mut issuer = || match unique_json::parse(&decode(segments.next()?)?)?.remove("iss")? {
            Value::String(issuer) => Some(issuer),
            _ => None,
        };
        Some(issuer())
    }

    /// Returns the claims of a token, whatever its header says, which nobody has verified: to choose who is to verify it.
    /// `None` too, and for a fifth of the cost, if none of these texts is in any of theirs.
    pub(super) fn unverified_claims(token: &[u8], texts: &[&str]) -> Option<Map<String, Value>> {
        let mut dots = dots(token);
        let (start, end) = (dots.next()? + 1, dots.next().unwrap_or(token.len()));
        let payload = decode(token.get(start..end)?)?;
        // A text of JSON stands there as it is, unless it has an escape.
        let may_have = memchr::memchr(b'\\', &payload).is_some()
            || texts.iter().any(|text| memmem::find(&payload, text.as_bytes()).is_some());
        if may_have { unique_json::parse(&payload) } else { None }
    }

    fn decoded(&self) -> Option<&Claims> {
        let decoded = self.claims.get_or_init(|| {
            let text = String::from_utf8(decode(self.payload)?).ok()?;
            let members = unique_json::parse(text.as_bytes())?;
            Some(Claims { text: Cell::new(text), members })
        });
        decoded.as_ref()
    }

    /// Returns the `iss` claim, which nobody has verified: to choose who is to verify it.
    pub(super) fn unverified_issuer(&self) -> Option<&str> {
        self.decoded()?.members.get("iss")?.as_str()
    }

    /// Returns the claims. Only after [`Token::verify`].
    pub(super) fn claims(&self) -> Result<&Map<String, Value>, Rejection> {
        self.decoded().map(|claims| &claims.members).ok_or_else(|| {
            let detail = match decode(self.payload) {
                None => "malformed JWT payload: expected base64url without padding",
                Some(_) => "malformed JWT payload: expected a JSON object with unique member names",
            };
            invalid_token(Reason::Malformed, detail)
        })
    }

    /// Takes the text of the claims, which is gone then.
    pub(super) fn take_claims_text(&self) -> String {
        self.decoded().map(|claims| claims.text.take()).unwrap_or_default()
    }

    /// Returns the `typ` of the header.
    pub(super) fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// Returns all members of the header. Only after [`Token::verify`].
    pub(super) fn header_members(&self) -> Map<String, Value> {
        decode(self.header).and_then(|json| unique_json::parse(&json)).unwrap_or_default()
    }

    /// Verifies the signature by the one of these keys that made it.
    pub(super) fn verify_by_any(&self, keys: &[&VerificationKey]) -> Result<(), Rejection> {
        let verifies = |key: &&&VerificationKey| key.verify(self.algorithm, self.message, &self.signature);
        match keys.iter().find(verifies).or(keys.first()) {
            Some(key) => self.verify(key),
            None => Err(self.invalid_signature()),
        }
    }

    /// Verifies the signature.
    pub(super) fn verify(&self, key: &VerificationKey) -> Result<(), Rejection> {
        if !key.supports(self.algorithm) {
            let (able, algorithm) = (key.algorithms(), self.algorithm);
            let advice = match (algorithm.is_symmetric(), key.is_secret()) {
                (true, false) => "a shared secret is configured by `JwtVerifier::from_secret`",
                (false, true) => {
                    "public keys are configured by `JwtVerifier::from_jwks`, `from_issuer` or `from_public_key`"
                }
                _ => "`algorithms` configures others",
            };
            let detail = format!("the JWT is signed with {algorithm}, and its key is for {able}; {advice}");
            return Err(invalid_token(Reason::Algorithm, detail));
        }
        if !key.verify(self.algorithm, self.message, &self.signature) {
            return Err(self.invalid_signature());
        }
        Ok(())
    }

    fn invalid_signature(&self) -> Rejection {
        let kid = self.kid.as_deref().map_or(String::new(), |kid| format!(" (its `kid` is {})", shown(kid)));
        let detail = format!(
            "invalid JWT signature: expected {} by a key of this verifier, found another key's{kid}, or a changed token",
            self.algorithm
        );
        invalid_token(Reason::Signature, detail)
    }
}

fn dots(token: &[u8]) -> memchr::Memchr<'_> {
    memchr::memchr_iter(b'.', token)
}

/// Splits a token at its dots. `None` unless there are two.
fn segments(token: &[u8]) -> Option<[&[u8]; 3]> {
    let mut dots = dots(token);
    let (first, second) = (dots.next()?, dots.next()?);
    match dots.next() {
        None => Some([token.get(..first)?, token.get(first + 1..second)?, token.get(second + 1..)?]),
        Some(_) => None,
    }
}

/// Decodes a segment strictly, without padding or trailing bits: a token has exactly one spelling.
fn decode(segment: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(segment).ok()
}
