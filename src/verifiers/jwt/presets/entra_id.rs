use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;
use crate::types::claims::ClaimsMapping;

/// Access tokens of version 2.0 of Microsoft Entra ID (Azure AD), of the tenant with this id, for the API whose application
/// (client) has this id. Both are GUIDs.
///
/// The id is `oid`, which is the same in all applications of a tenant; `sub` is different in each. Roles are app roles
/// (`roles`), of applications that sign in as themselves, too; permissions are scopes (`scp`), groups are ids. `azp` is
/// required, which ID tokens lack; refresh tokens are opaque.
///
/// Tokens are of version 2.0 if the API's manifest has `requestedAccessTokenVersion: 2`; others have another issuer
/// (`https://sts.windows.net/…`), and are rejected. With more than some 200 groups a token has none (`_claim_names`).
///
/// Source: [Access token claims reference](https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference),
/// [ID token claims reference](https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference).
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let tenant = "9122040d-6c67-4c5b-b112-36a304b66dad";
/// let verifier = presets::entra_id(tenant, "6e74172b-be56-4843-9ff4-e66a39bb12e3").build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn entra_id(tenant_id: impl AsRef<str>, client_id: impl Into<String>) -> JwtVerifierBuilder {
    let mapping = ClaimsMapping::new()
        .subject_claim("oid")
        .roles_claim("roles")
        .permissions_from_scope()
        .groups_claim("groups");
    JwtVerifier::from_issuer(format!("https://login.microsoftonline.com/{}/v2.0", tenant_id.as_ref()))
        .algorithms([Algorithm::Rs256])
        .audience(client_id)
        .require_present("azp")
        .mapping(mapping)
}
