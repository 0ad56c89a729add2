use std::fmt;

use jsonwebtoken::Algorithm as Foreign;

/// How a token is signed (RFC 7518 section 3.1; RFC 8037 for [`Algorithm::EdDsa`]). There is no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256, `HS256`.
    Hs256,
    /// HMAC with SHA-384, `HS384`.
    Hs384,
    /// HMAC with SHA-512, `HS512`.
    Hs512,
    /// RSA, PKCS #1 v1.5, with SHA-256, `RS256`.
    Rs256,
    /// RSA, PKCS #1 v1.5, with SHA-384, `RS384`.
    Rs384,
    /// RSA, PKCS #1 v1.5, with SHA-512, `RS512`.
    Rs512,
    /// RSA, PSS, with SHA-256, `PS256`.
    Ps256,
    /// RSA, PSS, with SHA-384, `PS384`.
    Ps384,
    /// RSA, PSS, with SHA-512, `PS512`.
    Ps512,
    /// ECDSA on P-256 with SHA-256, `ES256`.
    Es256,
    /// ECDSA on P-384 with SHA-384, `ES384`.
    Es384,
    /// Ed25519, `EdDSA` or, by RFC 9864, `Ed25519`.
    EdDsa,
}

const ALL: [(Algorithm, &str, Foreign); 12] = [
    (Algorithm::Hs256, "HS256", Foreign::HS256),
    (Algorithm::Hs384, "HS384", Foreign::HS384),
    (Algorithm::Hs512, "HS512", Foreign::HS512),
    (Algorithm::Rs256, "RS256", Foreign::RS256),
    (Algorithm::Rs384, "RS384", Foreign::RS384),
    (Algorithm::Rs512, "RS512", Foreign::RS512),
    (Algorithm::Ps256, "PS256", Foreign::PS256),
    (Algorithm::Ps384, "PS384", Foreign::PS384),
    (Algorithm::Ps512, "PS512", Foreign::PS512),
    (Algorithm::Es256, "ES256", Foreign::ES256),
    (Algorithm::Es384, "ES384", Foreign::ES384),
    (Algorithm::EdDsa, "EdDSA", Foreign::EdDSA),
];

impl Algorithm {
    /// The name in a token's header, such as `RS256`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Names are compared as they are: `none`, `nOnE` and `hs256` are no algorithms.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        ALL.iter().find(|(_, known, _)| *known == name).map(|(algorithm, ..)| *algorithm)
    }

    pub(super) fn foreign(self) -> Foreign {
        self.row().2
    }

    fn row(self) -> &'static (Self, &'static str, Foreign) {
        // The rows stand in the order of the variants.
        &ALL[self as usize]
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_has_its_name() {
        for (algorithm, name, foreign) in ALL {
            assert_eq!((algorithm.name(), algorithm.foreign()), (name, foreign));
            assert_eq!(Algorithm::named(name), Some(algorithm));
            assert_eq!(format!("{foreign:?}"), name);
        }
        assert_eq!(Algorithm::named("Ed25519"), Some(Algorithm::EdDsa));
        for name in ["none", "None", "NONE", "hs256", "HS256 ", "", "ES512", "ES256K", "RSA-OAEP"] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
    }
}
