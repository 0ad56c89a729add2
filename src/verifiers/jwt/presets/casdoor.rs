use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;
use super::base_url::base_url;
use crate::types::claims::ClaimsMapping;

/// Access tokens of the Casdoor at this URL, for the application with this client id.
///
/// The username is `name`, the log-in name, and the nickname `displayName`. Roles and permissions are objects, of which the
/// names are read, without their organization (`owner`); groups are `organization/group`. `isAdmin` makes an admin: with
/// several organizations in one Casdoor it says so of the user's own organization, and
/// `.require_claim("owner", "my-organization")` keeps others out.
///
/// `tokenType` is required to be `access-token`, for refresh tokens have the same key and audience. ID tokens are the very same
/// token. Tokens of some dozens of roles are over 8 KiB, and so over `AuthLayer`'s limit: the application's token format
/// "JWT-Custom" leaves out what is not needed. Defaults to RS256.
///
/// Source: `object/token_jwt.go` of [casdoor/casdoor](https://github.com/casdoor/casdoor),
/// [Token formats](https://casdoor.org/docs/token/overview).
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let verifier = presets::casdoor("https://door.example.com", "014ae4bd048734ca2dea").build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn casdoor(url: impl AsRef<str>, client_id: impl Into<String>) -> JwtVerifierBuilder {
    let issuer = base_url(url.as_ref());
    let mapping = ClaimsMapping::new()
        .username_claim("name")
        .nickname_claim("displayName")
        .roles_claim_member("roles", "name")
        .permissions_claim_member("permissions", "name")
        .groups_claim("groups")
        .admin_claim("isAdmin");
    JwtVerifier::from_jwks(format!("{issuer}/.well-known/jwks"))
        .algorithms([Algorithm::Rs256])
        .issuer(issuer)
        .audience(client_id)
        .require_claim("tokenType", "access-token")
        .mapping(mapping)
}
