//! Parse and check public keys: RSA, P-256, P-384, P-521 and Ed25519.

use std::borrow::Cow;

use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::jwk::Jwk;
use super::key_type::{self, KeyType};
use crate::verifiers::jwt::algorithm::Algorithm;

/// Why a key cannot be used.
pub(crate) type Unusable = Cow<'static, str>;

/// The material of a public key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point, the bytes of an Ed25519 key, or either as a SubjectPublicKeyInfo.
    Point(KeyType, Vec<u8>),
}

impl PublicKey {
    /// Parses a SubjectPublicKeyInfo, which names its own key type (RFC 5280 section 4.1.2.7).
    pub(super) fn from_spki(spki: &[u8]) -> Result<Self, Unusable> {
        if let Ok(rsa) = RsaPublicKey::from_der(spki) {
            let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(&rsa);
            return Self::from_rsa(&n, &e);
        }
        [KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Ed25519]
            .into_iter()
            .find_map(|key_type| Self::from_point(key_type, spki.to_vec()).ok())
            .ok_or_else(|| "expected an RSA, P-256, P-384, P-521 or Ed25519 key".into())
    }

    /// Parses the parameters of a JWK (RFC 7518 section 6, RFC 8037 section 2).
    pub(super) fn from_jwk(jwk: &Jwk) -> Result<Self, Unusable> {
        let bytes = |name: &str, member: &Option<String>| {
            let text = member.as_deref().ok_or_else(|| format!("missing `{name}`"))?;
            URL_SAFE_NO_PAD.decode(text).map_err(|_| Unusable::from(format!("`{name}` is not base64url")))
        };
        let curve = jwk.crv.as_deref().unwrap_or_default();
        let key_type = match (&*jwk.kty, curve) {
            ("RSA", _) => return Self::from_rsa(&bytes("n", &jwk.n)?, &bytes("e", &jwk.e)?),
            ("EC", "P-256") => KeyType::P256,
            ("EC", "P-384") => KeyType::P384,
            ("EC", "P-521") => KeyType::P521,
            ("OKP", "Ed25519") => return Self::from_point(KeyType::Ed25519, bytes("x", &jwk.x)?),
            // Anyone who can read the set could sign with it.
            ("oct", _) => return Err("symmetric key".into()),
            ("EC" | "OKP", curve) => return Err(format!("unsupported `crv` {curve:?}").into()),
            (kty, _) => return Err(format!("unsupported `kty` {kty:?}").into()),
        };
        // SEC 1 section 2.3.4.
        Self::from_point(key_type, [&[4], &*bytes("x", &jwk.x)?, &*bytes("y", &jwk.y)?].concat())
    }

    fn from_rsa(n: &[u8], e: &[u8]) -> Result<Self, Unusable> {
        let significant = |bytes: &[u8]| {
            let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
            bytes.get(first..).unwrap_or_default().to_vec()
        };
        let (n, e) = (significant(n), significant(e));
        let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(format!("expected an RSA key of 2048 to 8192 bits, found {bits}").into());
        }
        // RFC 8017 section 3.1. With an exponent of 1, anyone can sign.
        let exponent = e.iter().fold(0u64, |sum, &byte| sum.saturating_mul(256).saturating_add(byte.into()));
        if exponent < 3 || exponent % 2 == 0 {
            return Err("expected an odd RSA exponent of at least 3".into());
        }
        let key = Self::Rsa { n, e };
        key.prepare(Algorithm::Rs256).ok_or("not a valid RSA key")?;
        Ok(key)
    }

    /// Rejects points that are not on the curve now, and not with every token.
    fn from_point(key_type: KeyType, bytes: Vec<u8>) -> Result<Self, Unusable> {
        let key = Self::Point(key_type, bytes);
        let is_valid =
            key_type.algorithms(None, None).iter().all(|algorithm| key.prepare(*algorithm).is_some());
        if is_valid { Ok(key) } else { Err("public point is not on the curve".into()) }
    }

    pub(super) fn key_type(&self) -> KeyType {
        match self {
            Self::Rsa { .. } => KeyType::Rsa,
            Self::Point(key_type, _) => *key_type,
        }
    }

    /// Parses the key for the verification of signatures by this algorithm. `None` if it is not for that.
    pub(super) fn prepare(&self, algorithm: Algorithm) -> Option<ParsedPublicKey> {
        match self {
            Self::Rsa { n, e } => {
                let components = RsaPublicKeyComponents { n: &**n, e: &**e };
                components.to_parsed_public_key(key_type::rsa_parameters(algorithm)?).ok()
            }
            Self::Point(_, bytes) => {
                ParsedPublicKey::new(key_type::verification(algorithm)?, bytes.as_slice()).ok()
            }
        }
    }
}
