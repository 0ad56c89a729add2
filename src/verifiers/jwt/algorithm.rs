use std::fmt;

/// A signature algorithm (RFC 7518 section 3.1; RFC 8037 for [`Algorithm::EdDsa`]). There is no `none`.
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

const ALL: [(Algorithm, &str, jsonwebtoken::Algorithm); 12] = [
    (Algorithm::Hs256, "HS256", jsonwebtoken::Algorithm::HS256),
    (Algorithm::Hs384, "HS384", jsonwebtoken::Algorithm::HS384),
    (Algorithm::Hs512, "HS512", jsonwebtoken::Algorithm::HS512),
    (Algorithm::Rs256, "RS256", jsonwebtoken::Algorithm::RS256),
    (Algorithm::Rs384, "RS384", jsonwebtoken::Algorithm::RS384),
    (Algorithm::Rs512, "RS512", jsonwebtoken::Algorithm::RS512),
    (Algorithm::Ps256, "PS256", jsonwebtoken::Algorithm::PS256),
    (Algorithm::Ps384, "PS384", jsonwebtoken::Algorithm::PS384),
    (Algorithm::Ps512, "PS512", jsonwebtoken::Algorithm::PS512),
    (Algorithm::Es256, "ES256", jsonwebtoken::Algorithm::ES256),
    (Algorithm::Es384, "ES384", jsonwebtoken::Algorithm::ES384),
    (Algorithm::EdDsa, "EdDSA", jsonwebtoken::Algorithm::EdDSA),
];

impl Algorithm {
    /// Returns the name in the header of a token, such as `RS256`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Finds an algorithm by its name. Names are case-sensitive: `none`, `nOnE` and `hs256` are no algorithms.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        ALL.iter().find(|(_, candidate, _)| *candidate == name).map(|(algorithm, ..)| *algorithm)
    }

    pub(super) fn to_jsonwebtoken(self) -> jsonwebtoken::Algorithm {
        self.row().2
    }

    fn row(self) -> &'static (Self, &'static str, jsonwebtoken::Algorithm) {
        // The rows are in the order of the variants.
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
    fn names_of_all_algorithms_round_trip() {
        for (algorithm, name, other) in ALL {
            assert_eq!((algorithm.name(), algorithm.to_jsonwebtoken()), (name, other));
            assert_eq!(Algorithm::from_name(name), Some(algorithm));
            assert_eq!(format!("{other:?}"), name);
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
        for name in ["none", "None", "NONE", "hs256", "HS256 ", "", "ES512", "ES256K", "RSA-OAEP"] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }
}
