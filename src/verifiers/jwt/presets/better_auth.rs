use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;
use super::base_url::base_url;
use crate::types::claims::ClaimsMapping;

/// Tokens of better-auth's plugin `jwt`, for the `baseURL` of that better-auth (`https://app.example.com`).
///
/// Issuer and audience are the base URL, keys are at `/api/auth/jwks`. The token has the row of the user: `role` is that of the
/// plugin `admin`, which writes several roles into one text with commas between; without that plugin, make sure that users
/// cannot choose it (`additionalFields` with `input: false`). The e-mail is the username once it is verified. Access and ID
/// tokens of the plugin `oauth-provider` have the same keys and another issuer, and are rejected: [`better_auth_oauth`]. There
/// are no refresh tokens: sessions are opaque. Algorithms are those of the keys; better-auth's default is EdDSA.
///
/// Source: better-auth's [JWT plugin](https://www.better-auth.com/docs/plugins/jwt) and
/// [Admin plugin](https://www.better-auth.com/docs/plugins/admin).
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let verifier = presets::better_auth("https://app.example.com").build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn better_auth(base_url: impl AsRef<str>) -> JwtVerifierBuilder {
    let base = self::base_url(base_url.as_ref());
    JwtVerifier::from_jwks(format!("{base}/api/auth/jwks"))
        .issuer(&*base)
        .audience(&*base)
        .mapping(ClaimsMapping::new().roles_claim_separated("role", ','))
}

/// Access tokens of better-auth's plugin `oauth-provider`, for the `baseURL` of that better-auth and this audience: the
/// `resource` that clients ask for.
///
/// The issuer is the base URL with `/api/auth`. Permissions are scopes; roles are in a token only if
/// `customAccessTokenClaims` writes them, and [`roles_claim`](JwtVerifierBuilder::roles_claim) reads them. The header's `typ` is
/// required to be `at+jwt`, which ID tokens do not have. Without a `resource` access tokens are opaque, as refresh tokens are.
///
/// Source: better-auth's [OAuth 2.1 provider](https://www.better-auth.com/docs/plugins/oauth-provider); RFC 9068.
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let verifier = presets::better_auth_oauth("https://app.example.com", "https://api.example.com").build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn better_auth_oauth(base_url: impl AsRef<str>, audience: impl Into<String>) -> JwtVerifierBuilder {
    let issuer = format!("{}/api/auth", self::base_url(base_url.as_ref()));
    JwtVerifier::from_jwks(format!("{issuer}/jwks"))
        .issuer(issuer)
        .audience(audience)
        .typ("at+jwt")
        .permissions_from_scope()
}
