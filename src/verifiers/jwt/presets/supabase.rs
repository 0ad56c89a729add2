use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;
use super::base_url::base_url;

/// Access tokens of the Supabase project at this URL (`https://PROJECT.supabase.co`) that are signed with its keys.
///
/// Roles are `role`, which is `authenticated` for all who signed in, and those in `app_metadata`, which only a service writes;
/// permissions are those in `app_metadata`. Users write their own `user_metadata`: their name and picture are read from it, and
/// nothing else. Anonymous users are accepted, and marked ([`is_anonymous`](crate::UserInfo::is_anonymous)). The keys `anon` and
/// `service_role` are no users, and rejected; refresh tokens are opaque. Algorithms are ES256 and RS256.
///
/// A project that still signs with its secret publishes no key: [`supabase_secret`].
///
/// Source: [JWT claims reference](https://supabase.com/docs/guides/auth/jwt-fields),
/// [JWT signing keys](https://supabase.com/docs/guides/auth/signing-keys).
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let project = "https://project.supabase.co";
/// let verifier = presets::supabase(project).build()?;
/// // While the project moves from its secret to keys.
/// let verifier = presets::supabase(project)
///     .also_accept(presets::supabase_secret(project, "the project's secret of 32 characters"))
///     .build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn supabase(url: impl AsRef<str>) -> JwtVerifierBuilder {
    let issuer = issuer(url);
    JwtVerifier::from_jwks(format!("{issuer}/.well-known/jwks.json"))
        .algorithms([Algorithm::Es256, Algorithm::Rs256])
        .issuer(issuer)
        .audience("authenticated")
}

/// [`supabase`], for projects that sign with their secret (HS256), as the one of `supabase start` on a developer's machine.
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let secret = "super-secret-jwt-token-with-at-least-32-characters-long"; // of `supabase status`
/// let verifier = presets::supabase_secret("http://127.0.0.1:54321", secret).build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn supabase_secret(url: impl AsRef<str>, secret: impl AsRef<[u8]>) -> JwtVerifierBuilder {
    JwtVerifier::from_secret(secret).issuer(issuer(url)).audience("authenticated")
}

fn issuer(url: impl AsRef<str>) -> String {
    format!("{}/auth/v1", base_url(url.as_ref()))
}
