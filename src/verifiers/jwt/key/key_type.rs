use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    VerificationAlgorithm,
};

use crate::verifiers::jwt::algorithm::Algorithm;

/// The type of a key, with its curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyType {
    Secret,
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl KeyType {
    /// The algorithms that such a key can verify.
    fn supported(self) -> &'static [Algorithm] {
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
            Self::P521 => &[Algorithm::Es512],
            Self::Ed25519 => &[Algorithm::EdDsa],
        }
    }

    /// Those without any configuration. `alg` is optional in a key (RFC 7517 section 4.4): an RSA key without it may be
    /// meant for any of RSA's. A secret may be too short for the longer hashes.
    fn default_algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Secret => &[Algorithm::Hs256],
            _ => self.supported(),
        }
    }

    /// Selects the algorithms of a key: its `declared` one (the `alg` of a JWK), else the configured ones, else the
    /// defaults; never one that is not configured.
    pub(super) fn algorithms(
        self,
        declared: Option<Algorithm>,
        configured: Option<&[Algorithm]>,
    ) -> Vec<Algorithm> {
        let wanted: &[Algorithm] = match (&declared, configured) {
            (Some(declared), _) => std::slice::from_ref(declared),
            (None, Some(configured)) => configured,
            (None, None) => self.default_algorithms(),
        };
        let is_allowed =
            |algorithm: &Algorithm| configured.is_none_or(|configured| configured.contains(algorithm));
        let supported = self.supported().iter().copied();
        supported.filter(|algorithm| wanted.contains(algorithm) && is_allowed(algorithm)).collect()
    }
}

/// How AWS-LC verifies this algorithm with a public key. `None` for secrets.
pub(super) fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &ECDSA_P521_SHA512_FIXED,
        Algorithm::EdDsa => &ED25519,
        rsa => rsa_parameters(rsa)?,
    })
}

/// The same for RSA, whose keys are made of two numbers.
pub(super) fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}
