use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::{Jwk, KeyOperations, PublicKeyUse};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;

use super::key_type::KeyType;
use super::public_key::{self, Unusable};
use crate::types::error::BuildError;
use crate::verifiers::jwt::algorithm::Algorithm;

/// A key, and the algorithms it verifies: only those of its type, whatever the header of a token says.
#[derive(Clone)]
pub(crate) struct VerificationKey {
    key: DecodingKey,
    algorithms: Vec<Algorithm>,
}

impl VerificationKey {
    /// Takes a shared secret, at least as long as the hash of each algorithm (RFC 7518 section 3.2).
    pub(crate) fn from_secret(secret: &[u8], configured: Option<&[Algorithm]>) -> Result<Self, BuildError> {
        let key = Self::new(DecodingKey::from_secret(secret), KeyType::Secret, None, configured)
            .map_err(|reason| BuildError::new(format!("invalid JWT secret: {reason}")))?;
        for algorithm in &key.algorithms {
            let min = match algorithm {
                Algorithm::Hs512 => 64,
                Algorithm::Hs384 => 48,
                _ => 32,
            };
            if secret.len() < min {
                let len = secret.len();
                return Err(BuildError::new(format!(
                    "the JWT secret has {len} bytes, and {algorithm} needs at least {min}"
                )));
            }
        }
        Ok(key)
    }

    /// Parses a public key in PEM, `-----BEGIN PUBLIC KEY-----` (RFC 7468 section 13).
    pub(crate) fn from_pem(pem: &[u8], configured: Option<&[Algorithm]>) -> Result<Self, BuildError> {
        let invalid = |reason: &str| BuildError::new(format!("invalid JWT public key: {reason}"));
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| {
            let label = std::str::from_utf8(pem)
                .ok()
                .and_then(|pem| pem.split_once("-----BEGIN ")?.1.split_once("-----"));
            let found = match label {
                None => "no PEM".to_owned(),
                Some(("PUBLIC KEY", _)) => "a damaged one".to_owned(),
                Some((label, _)) => format!("BEGIN {label}"),
            };
            invalid(&format!("expected PEM with BEGIN PUBLIC KEY, found {found}"))
        })?;
        let (key, key_type) = public_key::from_spki(&spki).map_err(invalid)?;
        Self::new(key, key_type, None, configured).map_err(invalid)
    }

    /// Takes a key of a key set (RFC 7517), if it is public, meant for signatures and strong enough.
    pub(crate) fn from_jwk(jwk: &Jwk, configured: Option<&[Algorithm]>) -> Result<Self, Unusable> {
        let common = &jwk.common;
        if !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return Err("`use` is not `sig`");
        }
        if common.key_operations.as_ref().is_some_and(|allowed| !allowed.contains(&KeyOperations::Verify)) {
            return Err("`key_ops` does not include `verify`");
        }
        let declared = match common.key_algorithm {
            None => None,
            Some(declared) => Some(Algorithm::from_name(&declared.to_string()).ok_or("unsupported `alg`")?),
        };
        let (key, key_type) = public_key::from_jwk(&jwk.algorithm)?;
        Self::new(key, key_type, declared, configured)
    }

    fn new(
        key: DecodingKey,
        key_type: KeyType,
        declared: Option<Algorithm>,
        configured: Option<&[Algorithm]>,
    ) -> Result<Self, Unusable> {
        let algorithms = key_type.algorithms(declared, configured);
        if algorithms.is_empty() {
            return Err("none of the algorithms allowed by the configuration fits the key");
        }
        Ok(Self { key, algorithms })
    }

    /// Whether the key is meant for this algorithm.
    pub(crate) fn supports(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether the signature is valid, by an algorithm that the key [supports](Self::supports).
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &Vec<u8>) -> bool {
        // Not the process's default provider: there is none if another crate enables jsonwebtoken's second one.
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm.to_jsonwebtoken(), &self.key);
        self.supports(algorithm) && verifier.is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}
