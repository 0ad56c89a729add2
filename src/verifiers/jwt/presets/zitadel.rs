use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;
use super::base_url::base_url;
use crate::types::claims::ClaimsMapping;

/// Access tokens of the ZITADEL at this URL, for the project with this id.
///
/// Applications have to ask for JWTs ("Auth Token Type: JWT"), and for this project as an audience (the scope
/// `urn:zitadel:iam:org:project:id:PROJECT:aud`). Roles are those of this project, whose claim is an object with a member for
/// each; the claim without an id, `urn:zitadel:iam:org:project:roles`, is about the application's project, and not read. The
/// username is the id, for access tokens have no name. `jti` is required, which ID tokens lack, although their audiences are
/// the same; refresh tokens are opaque. Defaults to RS256.
///
/// Source: [Claims](https://zitadel.com/docs/apis/openidoauth/claims),
/// [Scopes](https://zitadel.com/docs/apis/openidoauth/scopes),
/// [Retrieve user roles](https://zitadel.com/docs/guides/integrate/retrieve-user-roles).
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let verifier = presets::zitadel("https://example.zitadel.cloud", "69234237810729019").build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn zitadel(url: impl AsRef<str>, project_id: impl Into<String>) -> JwtVerifierBuilder {
    let project = project_id.into();
    let roles = format!("urn:zitadel:iam:org:project:{project}:roles");
    JwtVerifier::from_issuer(base_url(url.as_ref()))
        .algorithms([Algorithm::Rs256])
        .audience(project)
        .require_present("jti")
        .mapping(ClaimsMapping::new().roles_claim_names(roles))
}
