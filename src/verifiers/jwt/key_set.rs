//! Parse a published key set (RFC 7517 section 5), and select the key of a token.

use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::key::VerificationKey;

pub(super) struct KeySet {
    keys: Vec<PublishedKey>,
}

struct PublishedKey {
    kid: Option<String>,
    key: VerificationKey,
    /// The JSON as it was published, to compare it with newer sets.
    json: Value,
}

/// The key that a token refers to.
pub(super) enum KeyLookup<'a> {
    Found(&'a VerificationKey),
    /// No key matches yet: the published set may have changed.
    Unknown,
    /// A key has this `kid`, but it is not meant for this algorithm.
    AlgorithmMismatch,
    /// More than one key matches.
    Ambiguous,
}

impl KeySet {
    /// More keys than any issuer publishes; searching them would make every token slow.
    const MAX_KEYS: usize = 100;

    /// Parses a key set. Ignores keys of unknown types, for other uses, or too weak (RFC 7517 section 5).
    pub(super) fn parse(json: &[u8], configured: Option<&[Algorithm]>) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Published {
            keys: Vec<Value>,
        }

        let Published { keys } = serde_json::from_slice(json)
            .map_err(|_| "response is not a JWK set: expected a JSON object with an array `keys`")?;
        if keys.len() > Self::MAX_KEYS {
            return Err("the key set has over 100 keys");
        }
        let usable = |json: Value| {
            let kid = json.get("kid").and_then(Value::as_str).map(str::to_owned);
            match parse_jwk(&json).and_then(|jwk| VerificationKey::from_jwk(&jwk, configured)) {
                Ok(key) => Some(PublishedKey { kid, key, json }),
                Err(reason) => {
                    tracing::debug!(kid, reason, "key of the key set ignored");
                    None
                }
            }
        };
        Ok(Self { keys: keys.into_iter().filter_map(usable).collect() })
    }

    /// Selects the key of a token by `kid`. Without a `kid`, on either side, the only key for the algorithm is selected.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> KeyLookup<'_> {
        let with_kid = self.keys.iter().filter(|key| kid.is_some() && key.kid.as_deref() == kid);
        if with_kid.clone().next().is_some() {
            return only(with_kid, algorithm).unwrap_or(KeyLookup::AlgorithmMismatch);
        }
        let without_kid = self.keys.iter().filter(|key| kid.is_none() || key.kid.is_none());
        only(without_kid, algorithm).unwrap_or(KeyLookup::Unknown)
    }

    /// Whether a key of this set was removed from a newer one, or replaced under the same `kid`.
    pub(super) fn has_keys_missing_from(&self, newer: &Self) -> bool {
        let is_published = |key: &PublishedKey| newer.keys.iter().any(|newer| newer.json == key.json);
        !self.keys.iter().all(is_published)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Returns the only key for this algorithm; `None` if there is none.
fn only<'a>(mut keys: impl Iterator<Item = &'a PublishedKey>, algorithm: Algorithm) -> Option<KeyLookup<'a>> {
    let first = keys.find(|published| published.key.supports(algorithm))?;
    if keys.any(|published| published.key.supports(algorithm)) {
        return Some(KeyLookup::Ambiguous);
    }
    Some(KeyLookup::Found(&first.key))
}

fn parse_jwk(json: &Value) -> Result<Jwk, &'static str> {
    let mut json = json.clone();
    // RFC 9864 renames `EdDSA` to `Ed25519`, which jsonwebtoken does not know.
    if let Some(alg) = json.get_mut("alg").filter(|alg| *alg == "Ed25519") {
        *alg = "EdDSA".into();
    }
    serde_json::from_value(json).map_err(|_| "malformed JWK, or unsupported `kty`")
}
