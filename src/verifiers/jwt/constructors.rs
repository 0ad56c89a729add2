//! Start a verifier by where its keys come from.

use super::builder::JwtVerifierBuilder;
use super::key_source::KeySource;
use super::verifier::JwtVerifier;

impl JwtVerifier {
    /// Starts a verifier of tokens signed with a shared secret: `HS256`, and a secret of at least 32 bytes.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(KeySource::Secret(secret.as_ref().to_vec()))
    }

    /// Starts a verifier of tokens signed with the private key of this public key: PEM (`BEGIN PUBLIC KEY`) of RSA from
    /// 2048 bits, P-256, P-384, P-521 or Ed25519. As environment variables and YAML spell it, too: in one line, or with `\n`
    /// for line feeds.
    pub fn from_public_key(pem: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(KeySource::PublicKey(pem.as_ref().to_vec()))
    }

    /// Starts a verifier of tokens signed with one of the keys published at this URL (JWKS, RFC 7517).
    pub fn from_jwks(url: impl Into<String>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::new(KeySource::Jwks(url.into()))
    }

    /// Starts a verifier of the tokens of this issuer, whose key set is found by its metadata (OpenID Connect Discovery 1.0
    /// section 4, else RFC 8414 section 3).
    ///
    /// The metadata is fetched with the first token, and again after an hour or when the keys cannot be fetched. `issuer` is
    /// what tokens have in `iss`, to the letter: a slash at the end counts. Defaults to requiring it
    /// ([`issuers`](JwtVerifierBuilder::issuers)).
    ///
    /// ```
    /// use aigc_auth::jwt::JwtVerifier;
    ///
    /// let verifier = JwtVerifier::from_issuer("https://example.eu.auth0.com/").audience("https://api.example.com").build()?;
    /// # Ok::<(), aigc_auth::error::BuildError>(())
    /// ```
    pub fn from_issuer(issuer: impl Into<String>) -> JwtVerifierBuilder {
        let issuer = issuer.into();
        JwtVerifierBuilder::new(KeySource::Issuer(issuer.clone())).issuer(issuer)
    }
}
