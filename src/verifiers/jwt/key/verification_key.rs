use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;
use rustls_pki_types::SubjectPublicKeyInfoDer;

use super::jwk::Jwk;
use super::key_type::KeyType;
use super::pem;
use super::public_key::{PublicKey, Unusable};
use crate::types::error::BuildError;
use crate::verifiers::jwt::algorithm::Algorithm;

/// A key, and the algorithms it verifies: only those of its type, whatever the header of a token says. Prepared for each of
/// them once, and not with every token.
#[derive(Clone)]
pub(crate) struct VerificationKey {
    material: Arc<Material>,
    prepared: Vec<(Algorithm, Prepared)>,
}

#[derive(PartialEq, Eq)]
enum Material {
    Secret,
    Public(PublicKey),
}

#[derive(Clone)]
enum Prepared {
    /// Boxed, for it is twenty times the other's size.
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

const NONE_FITS: &str = "none of the algorithms allowed by the configuration fits the key";

impl VerificationKey {
    /// Takes a shared secret, at least as long as the hash of each algorithm (RFC 7518 section 3.2).
    pub(crate) fn from_secret(secret: &[u8], configured: Option<&[Algorithm]>) -> Result<Self, BuildError> {
        let algorithms = KeyType::Secret.algorithms(None, configured);
        if algorithms.is_empty() {
            return Err(BuildError::new(format!("invalid JWT secret: {NONE_FITS}")));
        }
        if std::str::from_utf8(secret).is_ok_and(|text| text.trim() != text) {
            return Err(BuildError::new(
                "the JWT secret has white space at an end, as editors and `echo` put a line feed behind a text: trim it",
            ));
        }
        let prepare = |algorithm: Algorithm| {
            let (hash, min) = match algorithm {
                Algorithm::Hs512 => (hmac::HMAC_SHA512, 64),
                Algorithm::Hs384 => (hmac::HMAC_SHA384, 48),
                _ => (hmac::HMAC_SHA256, 32),
            };
            if secret.len() < min {
                let len = secret.len();
                return Err(BuildError::new(format!(
                    "the JWT secret has {len} bytes, and {algorithm} needs at least {min}"
                )));
            }
            Ok((algorithm, Prepared::Secret(Box::new(hmac::Key::new(hash, secret)))))
        };
        let prepared = algorithms.into_iter().map(prepare).collect::<Result<_, _>>()?;
        Ok(Self { material: Arc::new(Material::Secret), prepared })
    }

    /// Parses a public key in PEM, `-----BEGIN PUBLIC KEY-----` (RFC 7468 section 13).
    pub(crate) fn from_pem(pem: &[u8], configured: Option<&[Algorithm]>) -> Result<Self, BuildError> {
        let invalid = |reason: &str| BuildError::new(format!("invalid JWT public key: {reason}"));
        let spki: SubjectPublicKeyInfoDer<'_> = pem::pem_block(pem, "PUBLIC KEY")
            .map_err(|found| invalid(&format!("expected PEM with BEGIN PUBLIC KEY, found {found}")))?;
        let key = PublicKey::from_spki(&spki).and_then(|key| Self::new(key, None, configured));
        key.map_err(|reason| invalid(&reason))
    }

    /// Takes a key of a key set (RFC 7517), if it is public, meant for signatures and strong enough.
    pub(crate) fn from_jwk(jwk: &Jwk, configured: Option<&[Algorithm]>) -> Result<Self, Unusable> {
        if let Some(other) = jwk.public_key_use.as_deref().filter(|it| *it != "sig") {
            return Err(format!("`use` is {other:?}, not \"sig\"").into());
        }
        if jwk.key_ops.as_ref().is_some_and(|allowed| !allowed.iter().any(|it| it == "verify")) {
            return Err("`key_ops` does not include `verify`".into());
        }
        let unsupported = |alg: &str| Unusable::from(format!("unsupported `alg` {alg:?}"));
        let declared = jwk.alg.as_deref();
        let declared = declared.map(|alg| Algorithm::from_name(alg).ok_or_else(|| unsupported(alg)));
        Self::new(PublicKey::from_jwk(jwk)?, declared.transpose()?, configured)
    }

    fn new(
        key: PublicKey,
        declared: Option<Algorithm>,
        configured: Option<&[Algorithm]>,
    ) -> Result<Self, Unusable> {
        let algorithms = key.key_type().algorithms(declared, configured).into_iter();
        let prepare = |algorithm| Some((algorithm, Prepared::Public(key.prepare(algorithm)?)));
        let prepared: Vec<_> = algorithms.filter_map(prepare).collect();
        if prepared.is_empty() {
            return Err(NONE_FITS.into());
        }
        Ok(Self { material: Arc::new(Material::Public(key)), prepared })
    }

    /// Whether the key is meant for this algorithm.
    pub(crate) fn supports(&self, algorithm: Algorithm) -> bool {
        self.prepared(algorithm).is_some()
    }

    /// Whether it is a shared secret.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(*self.material, Material::Secret)
    }

    /// The algorithms that the key is meant for, as texts name them.
    pub(crate) fn algorithms(&self) -> String {
        let names: Vec<_> = self.prepared.iter().map(|(algorithm, _)| algorithm.name()).collect();
        names.join(", ")
    }

    /// Whether this is the same public key, for the same algorithms.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let algorithms =
            |key: &Self| key.prepared.iter().map(|(algorithm, _)| *algorithm).collect::<Vec<_>>();
        self.material == other.material && algorithms(self) == algorithms(other)
    }

    /// Whether the signature is valid, by an algorithm that the key [supports](Self::supports).
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self.prepared(algorithm) {
            Some(Prepared::Secret(key)) => hmac::verify(key, message, signature).is_ok(),
            Some(Prepared::Public(key)) => key.verify_sig(message, signature).is_ok(),
            None => false,
        }
    }

    fn prepared(&self, algorithm: Algorithm) -> Option<&Prepared> {
        self.prepared.iter().find(|(prepared, _)| *prepared == algorithm).map(|(_, prepared)| prepared)
    }
}
