//! One key, and what it may be used for.

use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;

use super::algorithm::Algorithm;
use crate::error::BuildError;

/// What a key verifies, and by which algorithms: those of its kind, no others, whatever a token says.
#[derive(Clone)]
pub(super) struct Key {
    material: DecodingKey,
    algorithms: Vec<Algorithm>,
}

#[derive(Clone, Copy)]
enum KeyKind {
    Secret,
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl KeyKind {
    /// What it can do; the first unless the key or the configuration says otherwise.
    fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Secret => &[Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512],
            Self::Rsa => &[
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
            ],
            Self::P256 => &[Algorithm::Es256],
            Self::P384 => &[Algorithm::Es384],
            Self::Ed25519 => &[Algorithm::EdDsa],
        }
    }

    /// What a key of this kind is used for, where `own` is what it says itself.
    fn allowed(self, own: Option<Algorithm>, configured: Option<&[Algorithm]>) -> Vec<Algorithm> {
        let able = self.algorithms();
        let wanted: &[Algorithm] = match (&own, configured) {
            (Some(own), _) => std::slice::from_ref(own),
            (None, Some(configured)) => configured,
            (None, None) => able.get(..1).unwrap_or_default(),
        };
        let may = |algorithm: &Algorithm| configured.is_none_or(|configured| configured.contains(algorithm));
        able.iter().copied().filter(|algorithm| wanted.contains(algorithm) && may(algorithm)).collect()
    }
}

/// Why a key of a set is passed over.
pub(super) type Unusable = &'static str;

impl Key {
    /// RFC 7518 section 3.2: a secret is at least as long as the hash.
    pub(super) fn secret(secret: &[u8], configured: Option<&[Algorithm]>) -> Result<Self, BuildError> {
        let key = Self::new(DecodingKey::from_secret(secret), KeyKind::Secret, None, configured);
        let key = key.map_err(|why| BuildError::new(format!("cannot verify tokens by a secret: {why}")))?;
        for algorithm in &key.algorithms {
            let least = match algorithm {
                Algorithm::Hs512 => 64,
                Algorithm::Hs384 => 48,
                _ => 32,
            };
            if secret.len() < least {
                let len = secret.len();
                return Err(BuildError::new(format!(
                    "the secret that tokens are verified by has {len} bytes, and {algorithm} needs at least {least}"
                )));
            }
        }
        Ok(key)
    }

    /// A public key as `-----BEGIN PUBLIC KEY-----` (RFC 7468 section 13).
    pub(super) fn pem(pem: &[u8], configured: Option<&[Algorithm]>) -> Result<Self, BuildError> {
        let refuse = |why: &str| {
            BuildError::new(format!("cannot read the public key that tokens are verified by: {why}"))
        };
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| {
            let found = std::str::from_utf8(pem)
                .ok()
                .and_then(|pem| pem.split_once("-----BEGIN ")?.1.split_once("-----"));
            let found = found.map_or_else(|| "no PEM".to_owned(), |(label, _)| format!("BEGIN {label}"));
            refuse(&format!("it must be PEM with BEGIN PUBLIC KEY, and this is {found}"))
        })?;
        let (material, kind) = from_spki(&spki).map_err(refuse)?;
        Self::new(material, kind, None, configured).map_err(refuse)
    }

    /// A key of a set (RFC 7517): only public keys that are meant for signatures, and strong enough.
    pub(super) fn jwk(jwk: &Jwk, configured: Option<&[Algorithm]>) -> Result<Self, Unusable> {
        let common = &jwk.common;
        if !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return Err("its use is not sig");
        }
        if common.key_operations.as_ref().is_some_and(|allowed| !allowed.contains(&KeyOperations::Verify)) {
            return Err("its key_ops are without verify");
        }
        let own = match common.key_algorithm {
            None => None,
            Some(own) => {
                Some(Algorithm::named(&own.to_string()).ok_or("its alg is none of those known here")?)
            }
        };
        let (material, kind) = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "it is not base64url");
                from_rsa(&part(&rsa.n)?, &part(&rsa.e)?)?
            }
            AlgorithmParameters::EllipticCurve(point) => {
                let kind = match point.curve {
                    EllipticCurve::P256 => KeyKind::P256,
                    EllipticCurve::P384 => KeyKind::P384,
                    _ => return Err("its curve is none of those known here"),
                };
                let material = DecodingKey::from_ec_components(&point.x, &point.y);
                (checked(material.map_err(|_| "it is not base64url")?, kind)?, kind)
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                let material = DecodingKey::from_ed_components(&pair.x);
                (checked(material.map_err(|_| "it is not base64url")?, KeyKind::Ed25519)?, KeyKind::Ed25519)
            }
            // Whoever can read a set could sign by it.
            AlgorithmParameters::OctetKey(_) => return Err("it is a secret"),
            _ => return Err("its kty or curve is none of those known here"),
        };
        Self::new(material, kind, own, configured)
    }

    fn new(
        material: DecodingKey,
        kind: KeyKind,
        own: Option<Algorithm>,
        configured: Option<&[Algorithm]>,
    ) -> Result<Self, Unusable> {
        let algorithms = kind.allowed(own, configured);
        if algorithms.is_empty() {
            return Err("it fits none of the algorithms that are allowed");
        }
        Ok(Self { material, algorithms })
    }

    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether the signature is this key's, by an algorithm that [fits](Self::fits).
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &Vec<u8>) -> bool {
        // Not the process's default provider: there is none where another crate turns jsonwebtoken's second one on.
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm.foreign(), &self.material);
        self.fits(algorithm) && verifier.is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}

/// RFC 5280 section 4.1.2.7: the key says itself of which kind it is.
fn from_spki(spki: &[u8]) -> Result<(DecodingKey, KeyKind), Unusable> {
    if let Ok(rsa) = RsaPublicKey::from_der(spki) {
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(&rsa);
        return from_rsa(&n, &e);
    }
    for kind in [KeyKind::P256, KeyKind::P384] {
        if let Ok(material) = checked(DecodingKey::from_ec_der(spki), kind) {
            return Ok((material, kind));
        }
    }
    let material = checked(DecodingKey::from_ed_der(spki), KeyKind::Ed25519);
    material
        .map(|material| (material, KeyKind::Ed25519))
        .map_err(|_| "it is not RSA, P-256, P-384 or Ed25519")
}

fn from_rsa(n: &[u8], e: &[u8]) -> Result<(DecodingKey, KeyKind), Unusable> {
    let first = n.iter().position(|&byte| byte != 0).unwrap_or(n.len());
    let n = n.get(first..).unwrap_or_default();
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err("it is RSA of under 2048 or over 8192 bits");
    }
    // RFC 8017 section 3.1. With an exponent of 1, everybody can sign.
    let exponent = e.iter().fold(0u64, |sum, &byte| sum.saturating_mul(256).saturating_add(byte.into()));
    if exponent < 3 || exponent % 2 == 0 {
        return Err("it is RSA with an exponent that is even or under 3");
    }
    RsaPublicKeyComponents { n, e }
        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .map_err(|_| "it is no RSA key")?;
    Ok((DecodingKey::from_rsa_raw_components(n, e), KeyKind::Rsa))
}

/// Points that are not on the curve are found now, and not at every token.
fn checked(material: DecodingKey, kind: KeyKind) -> Result<DecodingKey, Unusable> {
    let bytes = material.try_get_as_bytes().map_err(|_| "it has no point")?;
    let parsed = match kind {
        KeyKind::P256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes),
        KeyKind::P384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, bytes),
        _ => ParsedPublicKey::new(&ED25519, bytes),
    };
    match parsed {
        Ok(_) => Ok(material),
        Err(_) => Err("it is no point of its curve"),
    }
}

#[cfg(test)]
mod tests;
