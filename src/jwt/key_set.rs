//! The keys that an issuer publishes (RFC 7517 section 5), and which of them a token means.

use serde::Deserialize;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::key::Key;

pub(super) struct KeySet {
    keys: Vec<Named>,
}

struct Named {
    kid: Option<String>,
    key: Key,
    /// As it was published, to see whether it still is.
    source: Value,
}

/// Which key a token means.
pub(super) enum Found<'a> {
    Key(&'a Key),
    /// None yet: the set may have changed.
    Unknown,
    /// The key is there, and not for this algorithm.
    Misfit,
    /// More than one would do.
    Ambiguous,
}

impl KeySet {
    /// More keys than anybody publishes would make every token slow.
    const MOST: usize = 100;

    /// Keys of unknown kinds, for other uses or too weak ones are passed over (RFC 7517 section 5).
    pub(super) fn parse(json: &[u8], configured: Option<&[Algorithm]>) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Published {
            keys: Vec<Value>,
        }

        let Published { keys } =
            serde_json::from_slice(json).map_err(|_| "the answer is not the JSON of a key set")?;
        if keys.len() > Self::MOST {
            return Err("the key set has over 100 keys");
        }
        let usable = |source: Value| {
            let kid = source.get("kid").and_then(Value::as_str).map(str::to_owned);
            match read(&source).and_then(|jwk| Key::jwk(&jwk, configured)) {
                Ok(key) => Some(Named { kid, key, source }),
                Err(why) => {
                    tracing::debug!(kid, why, "a key of the key set is passed over");
                    None
                }
            }
        };
        Ok(Self { keys: keys.into_iter().filter_map(usable).collect() })
    }

    /// The key of this name. Keys without a name, and tokens that name none, are matched where there is no choice.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Found<'_> {
        let named = self.keys.iter().filter(|named| kid.is_some() && named.kid.as_deref() == kid);
        if named.clone().next().is_some() {
            return only(named, algorithm).unwrap_or(Found::Misfit);
        }
        let nameless = self.keys.iter().filter(|named| kid.is_none() || named.kid.is_none());
        only(nameless, algorithm).unwrap_or(Found::Unknown)
    }

    /// Whether a key of this set is missing from a newer one, or another has come under its name.
    pub(super) fn has_lost_some(&self, newer: &Self) -> bool {
        let is_there = |key: &Named| newer.keys.iter().any(|newer| newer.source == key.source);
        !self.keys.iter().all(is_there)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

fn only<'a>(mut keys: impl Iterator<Item = &'a Named>, algorithm: Algorithm) -> Option<Found<'a>> {
    let first = keys.find(|named| named.key.fits(algorithm))?;
    if keys.any(|named| named.key.fits(algorithm)) {
        return Some(Found::Ambiguous);
    }
    Some(Found::Key(&first.key))
}

fn read(source: &Value) -> Result<jsonwebtoken::jwk::Jwk, &'static str> {
    let mut source = source.clone();
    // RFC 9864 has a new name for it.
    if let Some(alg) = source.get_mut("alg").filter(|alg| *alg == "Ed25519") {
        *alg = "EdDSA".into();
    }
    serde_json::from_value(source).map_err(|_| "it is no key of a kind that is known here")
}
