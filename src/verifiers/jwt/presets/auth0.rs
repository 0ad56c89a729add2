use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;
use super::base_url::base_url;

/// Auth0's access tokens for the API with this identifier, of this tenant or custom domain: `example.eu.auth0.com`.
///
/// Permissions are those of the API's role-based access control (`permissions`) and the scopes. Access tokens have no roles
/// and no name: an Action writes them into a claim with a URL for a name, which
/// [`roles_claim`](JwtVerifierBuilder::roles_claim) reads. ID tokens have the client for an audience, and refresh tokens are
/// opaque. Defaults to RS256. `.typ("at+jwt")` fits APIs whose profile is that of RFC 9068.
///
/// Source: [Access Token Profiles](https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles),
/// [Validate Access Tokens](https://auth0.com/docs/secure/tokens/access-tokens/validate-access-tokens).
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let verifier = presets::auth0("example.eu.auth0.com", "https://api.example.com")
///     .roles_claim("https://example.com/roles")
///     .build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn auth0(domain: impl AsRef<str>, audience: impl Into<String>) -> JwtVerifierBuilder {
    // With a slash at the end, unlike most.
    JwtVerifier::from_issuer(format!("{}/", base_url(domain.as_ref())))
        .algorithms([Algorithm::Rs256])
        .audience(audience)
        .permissions_from_scope()
}
