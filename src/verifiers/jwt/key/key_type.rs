use crate::verifiers::jwt::algorithm::Algorithm;

/// The type of a key, with its curve.
#[derive(Clone, Copy)]
pub(super) enum KeyType {
    Secret,
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl KeyType {
    /// The algorithms that such a key can verify. The first is the default.
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
            Self::Ed25519 => &[Algorithm::EdDsa],
        }
    }

    /// Selects the algorithms of a key: its `declared` one (the `alg` of a JWK), else the configured ones, else the
    /// default; never one that is not configured.
    pub(super) fn algorithms(
        self,
        declared: Option<Algorithm>,
        configured: Option<&[Algorithm]>,
    ) -> Vec<Algorithm> {
        let supported = self.supported();
        let wanted: &[Algorithm] = match (&declared, configured) {
            (Some(declared), _) => std::slice::from_ref(declared),
            (None, Some(configured)) => configured,
            (None, None) => supported.get(..1).unwrap_or_default(),
        };
        let is_allowed =
            |algorithm: &Algorithm| configured.is_none_or(|configured| configured.contains(algorithm));
        supported
            .iter()
            .copied()
            .filter(|algorithm| wanted.contains(algorithm) && is_allowed(algorithm))
            .collect()
    }
}
