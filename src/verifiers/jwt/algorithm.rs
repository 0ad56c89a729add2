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
    /// ECDSA on P-521 with SHA-512, `ES512`.
    Es512,
    /// Ed25519, `EdDSA` or, by RFC 9864, `Ed25519`.
    EdDsa,
}

const ALL: [(Algorithm, &str); 13] = [
    (Algorithm::Hs256, "HS256"),
    (Algorithm::Hs384, "HS384"),
    (Algorithm::Hs512, "HS512"),
    (Algorithm::Rs256, "RS256"),
    (Algorithm::Rs384, "RS384"),
    (Algorithm::Rs512, "RS512"),
    (Algorithm::Ps256, "PS256"),
    (Algorithm::Ps384, "PS384"),
    (Algorithm::Ps512, "PS512"),
    (Algorithm::Es256, "ES256"),
    (Algorithm::Es384, "ES384"),
    (Algorithm::Es512, "ES512"),
    (Algorithm::EdDsa, "EdDSA"),
];

impl Algorithm {
    /// Returns the name in the header of a token, such as `RS256`.
    pub fn name(self) -> &'static str {
        // The rows are in the order of the variants.
        ALL[self as usize].1
    }

    /// Finds an algorithm by its name. Names are case-sensitive: `none`, `nOnE` and `hs256` are no algorithms.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        ALL.iter().find(|(_, candidate)| *candidate == name).map(|(algorithm, _)| *algorithm)
    }

    /// Whether whoever verifies could also sign.
    pub(super) fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
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
        for (algorithm, name) in ALL {
            assert_eq!((algorithm.name(), Algorithm::from_name(name)), (name, Some(algorithm)));
            assert_eq!(format!("{algorithm:?}").to_uppercase(), name.to_uppercase());
            assert_eq!(algorithm.is_symmetric(), name.starts_with("HS"));
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
        for name in ["none", "None", "NONE", "hs256", "HS256 ", "", "es512", "ES256K", "RSA-OAEP"] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }
}
