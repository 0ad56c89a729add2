use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;
use crate::types::claims::{ClaimsMapping, TokenKind};

/// ID tokens of Firebase Authentication (Identity Platform) for the project with this id, which clients send to services.
///
/// Custom claims, which only a service sets, are `role`, `roles`, `permissions`, and `admin: true` for admins. Anonymous users
/// are accepted, and marked ([`is_anonymous`](crate::UserInfo::is_anonymous)). Session cookies have another issuer, and are
/// rejected; so are the tokens of the emulator, which are not signed. Refresh tokens are opaque. The keys are for RS256.
///
/// Source: [Verify ID tokens](https://firebase.google.com/docs/auth/admin/verify-id-tokens),
/// [Custom claims](https://firebase.google.com/docs/auth/admin/custom-claims).
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let verifier = presets::firebase("my-project-1234").build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn firebase(project_id: impl Into<String>) -> JwtVerifierBuilder {
    let project = project_id.into();
    // The documented certificates, as a key set.
    JwtVerifier::from_jwks(
        "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
    )
    .algorithms([Algorithm::Rs256])
    .issuer(format!("https://securetoken.google.com/{project}"))
    .audience(project)
    .mapping(ClaimsMapping::new().admin_claim("admin"))
    .accept_kind(TokenKind::Id)
}
