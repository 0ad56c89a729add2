use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;

/// Access tokens of an Amazon Cognito user pool (`eu-central-1_EXAMPLE`) for this app client.
///
/// They have no `aud`: `client_id` is required to be the client, and `token_use` to be `access`. Groups are `cognito:groups`,
/// permissions the scopes, the username `username`. For groups that are roles, add `.roles_claim("cognito:groups")`. ID tokens
/// are rejected, and refresh tokens encrypted. Another client is another source
/// ([`also_accept`](JwtVerifierBuilder::also_accept)). The keys are RSA's, for RS256.
///
/// Source: [Understanding the access token](https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html),
/// [Verifying JSON web tokens](https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html).
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let verifier = presets::cognito("eu-central-1", "eu-central-1_EXAMPLE", "1example23456789")
///     .roles_claim("cognito:groups")
///     .build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn cognito(
    region: impl AsRef<str>,
    user_pool_id: impl AsRef<str>,
    client_id: impl Into<String>,
) -> JwtVerifierBuilder {
    let issuer = format!("https://cognito-idp.{}.amazonaws.com/{}", region.as_ref(), user_pool_id.as_ref());
    JwtVerifier::from_jwks(format!("{issuer}/.well-known/jwks.json"))
        .algorithms([Algorithm::Rs256])
        .issuer(issuer)
        // In place of it, `client_id` says for whom the token is.
        .insecure_any_audience()
        .require_claim("client_id", client_id.into())
        .require_claim("token_use", "access")
        .groups_claim("cognito:groups")
        .permissions_from_scope()
}
