use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;

/// Tokens of an AutoGPT platform: those of its key set (`JWT_JWKS_URL`), and beside them those of the secret that it signed
/// with before (`JWT_VERIFY_KEY`, HS256).
///
/// The audience is `authenticated`, and the role `admin` makes an admin. Tokens of the key set are of ES256, RS256 or EdDSA; a
/// token of HS256 is never verified by it, nor another by the secret. Tokens of services (`autogpt-platform-backend`) have
/// another audience, and are rejected, as are all subjects that start with `service:`:
/// a [`ServiceVerifier`](crate::service::ServiceVerifier) verifies them. The issuer is not checked. Log-outs (`jti`, `sid`) count
/// with a list of [`revocations`](JwtVerifierBuilder::revocations), of tokens of both kinds: a `RedisRevocations` of the platform's
/// Redis reads the keys that it writes. Without one, tokens are valid for their five minutes.
///
/// Other setters after this change what holds for the key set alone.
///
/// Source: `autogpt_libs/auth` of [AutoGPT](https://github.com/Significant-Gravitas/AutoGPT), `config.py` and `jwt_utils.py`.
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let keys = "https://platform.example.com/api/auth/jwks";
/// let verifier = presets::autogpt(keys, "the platform's secret of 32 characters").build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn autogpt(jwks_url: impl Into<String>, secret: impl AsRef<[u8]>) -> JwtVerifierBuilder {
    let common = |source: JwtVerifierBuilder| {
        source.audience("authenticated").roles_claim("role").reject_subject_prefix("service:")
    };
    let secret = JwtVerifier::from_secret(secret).algorithms([Algorithm::Hs256]);
    common(JwtVerifier::from_jwks(jwks_url))
        .algorithms([Algorithm::Es256, Algorithm::Rs256, Algorithm::EdDsa])
        .also_accept(common(secret))
}
