use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;
use super::base_url::base_url;

/// Access tokens of the Logto at this URL (`https://TENANT.logto.app`), for the API resource with this indicator.
///
/// Permissions are scopes. The header's `typ` is required to be `at+jwt`. Names and roles are in a token only if the tenant's
/// "Custom JWT" writes them: `roles` and `username` are read. For an organization's token the audience is
/// `urn:logto:organization:ID`. Refresh tokens, and access tokens without a resource, are opaque. Defaults to ES384, and RS256
/// for tenants that have rotated to it.
///
/// Source: [Validate access tokens](https://docs.logto.io/authorization/validate-access-tokens),
/// [Custom token claims](https://docs.logto.io/developers/custom-token-claims),
/// [Signing keys](https://docs.logto.io/developers/signing-keys).
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let verifier = presets::logto("https://example.logto.app", "https://api.example.com").build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn logto(url: impl AsRef<str>, resource: impl Into<String>) -> JwtVerifierBuilder {
    JwtVerifier::from_issuer(format!("{}/oidc", base_url(url.as_ref())))
        .algorithms([Algorithm::Es384, Algorithm::Rs256])
        .audience(resource)
        .typ("at+jwt")
        .permissions_from_scope()
}
