use super::super::algorithm::Algorithm;
use super::super::builder::JwtVerifierBuilder;
use super::super::verifier::JwtVerifier;

/// Keycloak's access tokens for this audience, of the realm with this issuer: `https://HOST/realms/REALM`.
///
/// Roles are those of the realm (`realm_access`); [`keycloak_client`] adds a client's. Permissions are scopes, groups those of
/// the mapper "Group Membership", if the claim is called `groups`. The realm signs access, ID, refresh and log-out tokens with
/// its keys, and says in the claim `typ` which is which: `Bearer` is required. Defaults to RS256, Keycloak's default;
/// [`algorithms`](JwtVerifierBuilder::algorithms) for another.
///
/// Tokens have the audience of a client's API only with a mapper "Audience"; without, `aud` is `account`. They have a `sub`
/// only with the client scope `basic`.
///
/// Source: Keycloak's [Server Administration Guide](https://www.keycloak.org/docs/latest/server_admin/), "Audience support"
/// and "Using lightweight access token"; `org.keycloak.util.TokenUtil` for `typ`.
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let verifier = presets::keycloak("https://login.example.com/realms/main", "reports").build()?;
/// // In a network of containers, where the issuer has another name.
/// let verifier = presets::keycloak("https://login.example.com/realms/main", "reports")
///     .jwks_url("http://keycloak:8080/realms/main/protocol/openid-connect/certs")
///     .insecure_plain_http()
///     .build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn keycloak(issuer: impl AsRef<str>, audience: impl Into<String>) -> JwtVerifierBuilder {
    JwtVerifier::from_issuer(issuer.as_ref().trim_end_matches('/'))
        .algorithms([Algorithm::Rs256])
        .audience(audience)
        .require_claim("typ", "Bearer")
        .roles_claim("/realm_access/roles")
        .permissions_from_scope()
        .groups_claim("groups")
}

/// [`keycloak`], with the roles of this client (`resource_access`) beside those of the realm.
///
/// Both are roles here, without telling where they are from: a client's role `admin` makes an admin.
///
/// ```
/// use aigc_auth::jwt::presets;
///
/// let issuer = "https://login.example.com/realms/main";
/// let verifier = presets::keycloak_client(issuer, "reports", "reports").build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
pub fn keycloak_client(
    issuer: impl AsRef<str>,
    audience: impl Into<String>,
    client: impl AsRef<str>,
) -> JwtVerifierBuilder {
    // Clients may be called by URLs (RFC 6901 section 3).
    let client = client.as_ref().replace('~', "~0").replace('/', "~1");
    keycloak(issuer, audience).roles_claim(format!("/resource_access/{client}/roles"))
}
