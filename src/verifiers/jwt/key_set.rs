//! Parse a published key set (RFC 7517 section 5), and select the keys of a token.

use serde::Deserialize;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::key::{Jwk, Unusable, VerificationKey};
use super::token::Token;
use crate::types::claims::shown;

pub(super) struct KeySet {
    keys: Vec<PublishedKey>,
    /// Keys that are not used, to say why when a token names one.
    passed_over: Vec<PassedOver>,
}

struct PublishedKey {
    kid: Option<String>,
    key: VerificationKey,
    /// The JSON as it was published, to compare it with newer sets.
    json: Value,
}

struct PassedOver {
    kid: Option<String>,
    reason: Unusable,
}

/// The keys that may have signed a token.
pub(super) enum KeyLookup<'a> {
    /// More than one only of equal standing: the signature decides.
    Found(Vec<&'a VerificationKey>),
    /// No key matches yet: the published set may have changed. With the reason, if that stays.
    Unknown(String),
    /// No later set can change it.
    Never(String),
}

impl KeySet {
    /// More keys than any issuer publishes; searching them would make every token slow.
    const MAX_KEYS: usize = 100;
    /// So many signatures are tried, at most.
    const MAX_TRIES: usize = 4;

    /// Parses a key set. Passes over keys of unknown types, for other uses, or too weak (RFC 7517 section 5), and keys that
    /// it has already.
    pub(super) fn parse(json: &[u8], configured: Option<&[Algorithm]>) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Published {
            keys: Vec<Value>,
        }

        let Published { keys } = serde_json::from_slice(json).map_err(|_| no_key_set(json))?;
        if keys.len() > Self::MAX_KEYS {
            return Err(format!("the key set has over {} keys", Self::MAX_KEYS));
        }
        let mut set = Self { keys: Vec::new(), passed_over: Vec::new() };
        for json in keys {
            let kid = json.get("kid").and_then(Value::as_str).map(str::to_owned);
            let key = Jwk::parse(&json)
                .map_err(Unusable::from)
                .and_then(|jwk| VerificationKey::from_jwk(&jwk, configured));
            match key {
                Ok(key) if set.keys.iter().any(|other| other.kid == kid && other.key.is_same(&key)) => {}
                Ok(key) => set.keys.push(PublishedKey { kid, key, json }),
                Err(reason) => {
                    tracing::debug!(kid, %reason, "key of the key set ignored");
                    set.passed_over.push(PassedOver { kid, reason });
                }
            }
        }
        Ok(set)
    }

    /// Selects the keys of a token by `kid`. Without a `kid`, on either side, each key for the algorithm fits.
    pub(super) fn find(&self, token: &Token<'_>) -> KeyLookup<'_> {
        let (kid, algorithm) = (token.kid.as_deref(), token.algorithm);
        if algorithm.is_symmetric() {
            return KeyLookup::Never(Self::why_symmetric(algorithm));
        }
        let named = || self.keys.iter().filter(|key| kid.is_some() && key.kid.as_deref() == kid);
        let fits = |key: &&PublishedKey| key.key.supports(algorithm);
        let mut found: Vec<_> = named().filter(fits).map(|key| &key.key).collect();
        if found.is_empty() {
            if let Some(named) = named().next() {
                let able = named.key.algorithms();
                return KeyLookup::Never(format!(
                    "the key {} of the key set is for {able}, and the JWT is signed with {algorithm}",
                    shown(kid.unwrap_or_default())
                ));
            }
            let mut passed_over = self.passed_over.iter();
            if let Some(PassedOver { reason, .. }) =
                passed_over.find(|key| kid.is_some() && key.kid.as_deref() == kid)
            {
                return KeyLookup::Never(format!(
                    "the key {} of the key set is not used: {reason}",
                    shown(kid.unwrap_or_default())
                ));
            }
            let unnamed = self.keys.iter().filter(|key| kid.is_none() || key.kid.is_none());
            found = unnamed.filter(fits).map(|key| &key.key).collect();
        }
        match found.len() {
            0 => KeyLookup::Unknown(self.why_unknown(kid, algorithm)),
            1..=Self::MAX_TRIES => KeyLookup::Found(found),
            fitting => KeyLookup::Never(format!(
                "{fitting} keys of the key set fit the JWT, which does not say by a `kid` which one signed it; at most {} \
                 are tried",
                Self::MAX_TRIES
            )),
        }
    }

    pub(super) fn why_symmetric(algorithm: Algorithm) -> String {
        format!(
            "the JWT is signed with {algorithm}, by a shared secret, and a key set has public keys: such tokens are \
             verified by `JwtVerifier::from_secret`"
        )
    }

    fn why_unknown(&self, kid: Option<&str>, algorithm: Algorithm) -> String {
        if kid.is_some() && self.keys.iter().any(|key| key.key.supports(algorithm)) {
            return format!("unknown `kid` {}: no key of the key set has it", shown(kid.unwrap_or_default()));
        }
        format!("no key of the key set is for {algorithm}, by which the JWT is signed")
    }

    /// Whether a key of this set was removed from a newer one, or replaced under the same `kid`.
    pub(super) fn has_keys_missing_from(&self, newer: &Self) -> bool {
        let is_published = |key: &PublishedKey| newer.keys.iter().any(|newer| newer.json == key.json);
        !self.keys.iter().all(is_published)
    }

    /// The names of keys of this set that a newer one does not have.
    pub(super) fn kids_missing_from<'a>(&'a self, newer: &'a Self) -> impl Iterator<Item = &'a str> {
        let has = |kid: &str| newer.keys.iter().any(|newer| newer.kid.as_deref() == Some(kid));
        self.keys.iter().filter_map(|key| key.kid.as_deref()).filter(move |kid| !has(kid))
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Why it has no usable key.
    pub(super) fn why_unusable(&self) -> String {
        let reasons: Vec<_> = self.passed_over.iter().take(3).map(|key| &*key.reason).collect();
        match &*reasons {
            [] => "it has no keys; an issuer that signs with a shared secret publishes none (`from_secret`)"
                .to_owned(),
            reasons => format!("it has no usable key: {}", reasons.join("; ")),
        }
    }
}

/// What a response is that is no key set.
fn no_key_set(json: &[u8]) -> String {
    let document: Option<Value> = serde_json::from_slice(json).ok();
    match document.as_ref().and_then(|document| document.get("jwks_uri")).and_then(Value::as_str) {
        Some(uri) => format!(
            "response is a discovery document, not a JWK set: use `JwtVerifier::from_issuer`, or the URL of its key set, {}",
            shown(uri)
        ),
        None => "response is not a JWK set: expected a JSON object with an array `keys`".to_owned(),
    }
}
