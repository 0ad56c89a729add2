use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};

use crate::types::error::{AuthError, BuildError, ErrorKind};
use crate::verifiers::jwt::{Algorithm, pem_block};

/// A private key that a [`ServiceSigner`](super::ServiceSigner) signs by: P-256 (`ES256`) or Ed25519 (`EdDSA`). Cheap to clone.
///
/// Its `kid` is the key's thumbprint (RFC 7638), so that a key has one name wherever it is published.
///
/// ```
/// use aigc_auth::jwt::Algorithm;
/// use aigc_auth::service::ServiceKey;
///
/// let key = ServiceKey::generate(Algorithm::Es256)?;
/// assert_eq!((key.algorithm(), key.kid().len()), (Algorithm::Es256, 43));
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone)]
pub struct ServiceKey(Arc<Inner>);

struct Inner {
    pair: Pair,
    kid: String,
    jwk: Value,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl ServiceKey {
    /// Parses a private key in PEM: PKCS #8 without a password (`-----BEGIN PRIVATE KEY-----`), as `openssl genpkey` writes it.
    /// As environment variables and YAML spell it, too: in one line, or with `\n` for line feeds.
    ///
    /// # Errors
    /// If it is no such PEM, or the key is neither P-256 nor Ed25519. The error shows nothing of the key.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, BuildError> {
        let der: PrivatePkcs8KeyDer<'_> = pem_block(pem.as_ref(), "PRIVATE KEY").map_err(|found| {
            BuildError::new(format!(
                "invalid private key of a service: expected PEM with BEGIN PRIVATE KEY (PKCS #8, without a password), found \
                 {found}; `openssl pkcs8 -topk8 -nocrypt` converts others"
            ))
        })?;
        let der = der.secret_pkcs8_der();
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Ok(Self::new(Pair::P256(pair)));
        }
        match Ed25519KeyPair::from_pkcs8(der) {
            Ok(pair) => Ok(Self::new(Pair::Ed25519(pair))),
            Err(_) => Err(BuildError::new(
                "invalid private key of a service: expected a key of P-256 (ES256) or Ed25519 (EdDSA), found another",
            )),
        }
    }

    /// Generates a key. It is gone when the process ends, and each replica has another: all of them have to be published, or
    /// take [`from_pem`](Self::from_pem).
    ///
    /// # Errors
    /// If the algorithm is neither `ES256` nor `EdDSA`.
    pub fn generate(algorithm: Algorithm) -> Result<Self, BuildError> {
        let failed = |_| BuildError::new("the key of a service cannot be generated: no randomness");
        match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
                Ok(Self::new(Pair::P256(pair)))
            }
            Algorithm::EdDsa => Ok(Self::new(Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?))),
            other => Err(BuildError::new(format!(
                "expected ES256 or EdDSA for the key of a service, found {other}"
            ))),
        }
    }

    fn new(pair: Pair) -> Self {
        let public = match &pair {
            // 4, then both coordinates (SEC 1 section 2.3.3).
            Pair::P256(pair) => {
                let (x, y) = pair.public_key().as_ref().get(1..).unwrap_or_default().split_at(32);
                json!({ "crv": "P-256", "kty": "EC", "x": base64url(x), "y": base64url(y) })
            }
            Pair::Ed25519(pair) => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": base64url(pair.public_key().as_ref()) })
            }
        };
        // The required members alone, in the order of their names and without white space, as `Value` writes them.
        let kid = base64url(digest(&SHA256, public.to_string().as_bytes()).as_ref());
        let mut jwk = public;
        if let Value::Object(members) = &mut jwk {
            let alg = pair.algorithm().name();
            members.extend(
                [("alg", alg), ("kid", &*kid), ("use", "sig")].map(|(name, text)| (name.into(), text.into())),
            );
        }
        Self(Arc::new(Inner { pair, kid, jwk }))
    }

    /// The key's name in tokens and in the key set: its thumbprint by SHA-256 (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// `ES256` or `EdDSA`.
    pub fn algorithm(&self) -> Algorithm {
        self.0.pair.algorithm()
    }

    /// The public key, for a key set.
    pub(super) fn jwk(&self) -> &Value {
        &self.0.jwk
    }

    /// Signs claims: a JWT.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, AuthError> {
        let header = json!({ "alg": self.algorithm().name(), "kid": self.kid(), "typ": "JWT" });
        let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = match &self.0.pair {
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), message.as_bytes()).map_err(|_| {
                AuthError::new(ErrorKind::Internal)
                    .with_detail("the token of a service cannot be signed: no randomness")
            })?,
            Pair::Ed25519(pair) => pair.sign(message.as_bytes()),
        };
        Ok(format!("{message}.{}", base64url(signature.as_ref())))
    }
}

impl Pair {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey")
            .field("algorithm", &self.algorithm())
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendices A.1 to A.3: its key, and its thumbprint.
    #[test]
    fn kid_is_the_thumbprint_of_the_rfc() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        let key = ServiceKey::from_pem(pem).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.jwk()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert!(ServiceKey::from_pem(pem.replace('\n', "\\n")).is_ok(), "as `.env` files have it");
        assert!(ServiceKey::from_pem(pem.replace('\n', " ")).is_ok(), "as YAML folds it");
    }

    #[test]
    fn what_is_no_key_of_a_service_is_said_without_it() {
        let body = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
        for (pem, found) in [
            (body.to_owned(), "found no PEM"),
            (
                format!("-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----"),
                "found BEGIN EC PRIVATE KEY",
            ),
            (format!("-----BEGIN PRIVATE KEY-----\n{body}"), "found a damaged one"),
            (format!("-----BEGIN PRIVATE KEY\n{body}\n-----END PRIVATE KEY-----"), "found a damaged one"),
            (
                format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", &body[..40]),
                "found another",
            ),
        ] {
            let error = ServiceKey::from_pem(&pem).unwrap_err().to_string();
            assert!(
                error.contains(found) && !error.contains("IJ1hsZ3v") && !error.contains("MC4C"),
                "{error}"
            );
        }
        assert!(ServiceKey::generate(Algorithm::Hs256).is_err());
        let key = ServiceKey::generate(Algorithm::EdDsa).unwrap();
        assert!(format!("{key:?}").contains(key.kid()));
    }
}
