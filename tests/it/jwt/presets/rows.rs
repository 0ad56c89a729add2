//! What each issuer gives out, of the shape that its documents give; the sources are named at the presets.

use aigc_auth::jwt::{JwtVerifierBuilder, presets};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::jwt::support::{ED25519, HMAC, P256, P384, RSA, SECRET, Signer, now, with};

/// What is seen of a user: id, username, roles, permissions, groups, and whether they are an admin.
type Seen = (&'static str, &'static str, Vec<&'static str>, Vec<&'static str>, Vec<&'static str>, bool);

/// In which claims each of these is, in the same order, as the guide has it: claims in backticks.
type Places = [&'static str; 6];

/// One issuer: the same cells for each.
pub(crate) struct Row {
    pub(crate) issuer: &'static str,
    /// What services are sent.
    pub(super) sent: &'static str,
    pub(crate) verifier: JwtVerifierBuilder,
    pub(crate) access: String,
    pub(super) seen: Seen,
    pub(super) places: Places,
    /// Both with a part of the reason, and in that the place that tells, in backticks.
    pub(super) refresh: (String, &'static str),
    /// `None` where ID tokens are what services are sent.
    pub(super) id: Option<(String, &'static str)>,
    /// Whatever else its keys have signed.
    pub(super) others: Vec<(String, &'static str)>,
}

/// The names of the keys of which a set is published.
pub(crate) fn published() -> Vec<Value> {
    let p256 = with(P256.named("p256"), "alg", "ES256");
    vec![RSA.named("rsa"), P384.named("p384"), p256, ED25519.named("ed25519")]
}

/// The preset with its keys on this machine, unless it has none but a secret.
pub(crate) fn at(builder: &JwtVerifierBuilder, keys: &str) -> JwtVerifierBuilder {
    let here = builder.clone().jwks_url(keys);
    if here.clone().build().is_ok() { here } else { builder.clone() }
}

/// A header and claims, unverified.
pub(crate) fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut part = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (part(), part())
}

/// Signs a header and claims by the key that the header is for.
pub(super) fn signed(header: &Value, claims: &Value) -> String {
    let alg = header["alg"].as_str().unwrap();
    signer(alg).0.token(alg, header.to_string(), claims.to_string())
}

/// The same token with another value of a claim, well signed.
pub(super) fn changed(token: &str, name: &str, value: impl Into<Value>) -> String {
    let (header, claims) = parts(token);
    signed(&header, &with(claims, name, value))
}

/// The key for an algorithm, and its name in the set that the server publishes.
pub(crate) fn signer(alg: &str) -> (&'static Signer, Option<&'static str>) {
    match alg {
        "RS256" => (&RSA, Some("rsa")),
        "ES384" => (&P384, Some("p384")),
        "ES256" => (&P256, Some("p256")),
        "EdDSA" => (&ED25519, Some("ed25519")),
        _ => (&HMAC, None),
    }
}

/// A token by one of the keys that the server publishes, or by the secret.
fn token(alg: &str, typ: Option<&str>, claims: &Value) -> String {
    let (signer, kid) = signer(alg);
    let mut header = json!({"alg": alg});
    for (name, value) in [("typ", typ), ("kid", kid)] {
        if let Some(value) = value {
            header[name] = value.into();
        }
    }
    signer.token(alg, header.to_string(), dated(claims).to_string())
}

fn dated(claims: &Value) -> Value {
    with(with(claims.clone(), "iat", now()), "exp", now() + 300)
}

/// An object with the members of another besides its own.
fn and(mut object: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("not an object") };
    object.as_object_mut().unwrap().extend(more);
    object
}

const OPAQUE: &str = "v1.MRrtYq8zL2mQ0nV4-opaque";
const IS_OPAQUE: &str = "opaque token";

fn opaque() -> (String, &'static str) {
    (OPAQUE.replace('.', "-"), IS_OPAQUE)
}

/// An encrypted token (RFC 7516 section 3.1).
fn encrypted() -> (String, &'static str) {
    ("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d".to_owned(), "encrypted JWT (JWE)")
}

fn keycloak() -> Row {
    let issuer = "https://login.example.com/realms/main";
    let common = json!({
        "iss": issuer, "sub": "1c9ab2c7-9f4e-4ed5-a16f-fb3a7c08aea4", "jti": "onrtac:4f", "azp": "web", "sid": "s1",
        "acr": "1", "preferred_username": "ann", "email": "ann@example.com", "email_verified": false, "name": "Ann A",
    });
    let access = json!({
        "typ": "Bearer", "aud": ["reports", "account"], "scope": "openid report:read", "groups": ["/ops", "/staff"],
        "realm_access": {"roles": ["offline_access", "admin"]},
        "resource_access": {"https://app/x~y": {"roles": ["editor"]}, "account": {"roles": ["view-profile"]}},
    });
    let of = |more| token("RS256", Some("JWT"), &and(common.clone(), more));
    // Refresh tokens are signed by a secret of the realm's own.
    let refresh = json!({"typ": "Refresh", "aud": issuer, "scope": "openid"});
    let refresh = token("HS512", Some("JWT"), &and(common.clone(), refresh));
    Row {
        issuer: "Keycloak",
        sent: "access token",
        verifier: presets::keycloak_client(issuer, "reports", "https://app/x~y"),
        access: of(access.clone()),
        seen: (
            "1c9ab2c7-9f4e-4ed5-a16f-fb3a7c08aea4",
            "ann",
            vec!["offline_access", "admin", "editor"],
            vec!["openid", "report:read"],
            vec!["/ops", "/staff"],
            true,
        ),
        places: [
            "`sub`",
            "`preferred_username`",
            "`realm_access`, `resource_access`",
            "`scope`",
            "`groups`",
            "the role `admin`",
        ],
        refresh: (refresh, "signed with HS512"),
        id: Some((
            of(json!({"typ": "ID", "aud": "reports", "at_hash": "x"})),
            "expected the claim `typ` to be \"Bearer\", found `\"ID\"`",
        )),
        others: vec![
            (of(with(access.clone(), "typ", "Offline")), "found `\"Offline\"`"),
            (of(with(access.clone(), "typ", "Logout")), "found `\"Logout\"`"),
            (of(with(access.clone(), "aud", "account")), "another audience (`aud`)"),
            (of(with(access, "iss", "https://login.example.com/realms/other")), "another issuer (`iss`)"),
        ],
    }
}

fn auth0() -> Row {
    let common =
        json!({"iss": "https://example.eu.auth0.com/", "sub": "auth0|507f1f77bcf86cd7", "azp": "my_client"});
    let access = json!({
        "aud": ["https://api.example.com", "https://example.eu.auth0.com/userinfo"], "scope": "openid read:reports",
        "permissions": ["read:reports", "write:reports"], "gty": "password", "https://example.com/roles": ["editor"],
    });
    let of = |more| token("RS256", Some("JWT"), &and(common.clone(), more));
    let id = json!({"aud": "my_client", "name": "ann", "email": "ann@example.com", "email_verified": true, "nonce": "n"});
    Row {
        issuer: "Auth0",
        sent: "access token",
        verifier: presets::auth0("example.eu.auth0.com", "https://api.example.com")
            .roles_claim("https://example.com/roles"),
        access: of(access),
        seen: (
            "auth0|507f1f77bcf86cd7",
            "auth0|507f1f77bcf86cd7",
            vec!["editor"],
            vec!["read:reports", "write:reports", "openid"],
            vec![],
            false,
        ),
        places: [
            "`sub`",
            "the id",
            "`https://example.com/roles`, which an Action writes",
            "`permissions`, `scope`",
            "",
            "the role `admin`",
        ],
        refresh: opaque(),
        id: Some((of(id), "another audience (`aud`)")),
        others: vec![(
            of(json!({"aud": "https://example.eu.auth0.com/api/v2/"})),
            "another audience (`aud`)",
        )],
    }
}

fn entra_id() -> Row {
    let (tenant, api) = ("9122040d-6c67-4c5b-b112-36a304b66dad", "6e74172b-be56-4843-9ff4-e66a39bb12e3");
    let common = json!({
        "aud": api, "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "nbf": now() - 300, "tid": tenant,
        "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "name": "Ann A", "preferred_username": "ann@example.com", "roles": ["Reports.Editor", "admin"], "ver": "2.0",
        "groups": ["a9d52b32-c8ef-4a5f-b28b-9c0a5d6d0a11"], "uti": "fqiBqXLPj0eQa82S-IYFAA", "rh": "0.x",
    });
    let access = json!({"azp": "a1b2", "azpacr": "0", "scp": "Reports.Read Reports.Write"});
    let of = |claims| token("RS256", Some("JWT"), &claims);
    Row {
        issuer: "Entra ID",
        sent: "access token",
        verifier: presets::entra_id(tenant, api),
        access: of(and(common.clone(), access.clone())),
        seen: (
            "690222be-ff1a-4d56-abd1-7e4f7d38e474",
            "ann@example.com",
            vec!["Reports.Editor", "admin"],
            vec!["Reports.Read", "Reports.Write"],
            vec!["a9d52b32-c8ef-4a5f-b28b-9c0a5d6d0a11"],
            true,
        ),
        places: ["`oid`", "`preferred_username`", "`roles`", "`scp`", "`groups`", "the role `admin`"],
        refresh: opaque(),
        // Of an application that is both client and API, so that the audience is the same.
        id: Some((of(with(common.clone(), "nonce", "12345")), "missing `azp` claim")),
        others: vec![(
            of(with(and(common, access), "iss", format!("https://sts.windows.net/{tenant}/"))),
            "another issuer (`iss`)",
        )],
    }
}

fn cognito() -> Row {
    let issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example";
    let common = json!({
        "iss": issuer, "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["testers", "admin"],
        "origin_jti": "o", "jti": "j", "event_id": "e", "auth_time": now(), "version": 2,
    });
    let access = json!({
        "client_id": "xxxxxxxxxxxxexample", "token_use": "access", "username": "ann",
        "scope": "phone openid profile", "device_key": "d",
    });
    let id = json!({
        "aud": "xxxxxxxxxxxxexample", "token_use": "id", "cognito:username": "ann", "email": "ann@example.com",
        "email_verified": true, "cognito:roles": ["arn:aws:iam::111122223333:role/admin"],
    });
    // Neither `typ` nor an audience.
    let of = |more| token("RS256", None, &and(common.clone(), more));
    Row {
        issuer: "Cognito",
        sent: "access token",
        verifier: presets::cognito("us-east-1", "us-east-1_example", "xxxxxxxxxxxxexample"),
        access: of(access.clone()),
        seen: (
            "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "ann",
            vec![],
            vec!["phone", "openid", "profile"],
            vec!["testers", "admin"],
            // A group is no role, until `roles_claim` says so.
            false,
        ),
        places: ["`sub`", "`username`", "", "`scope`", "`cognito:groups`", "the role `admin`"],
        refresh: encrypted(),
        id: Some((of(id.clone()), "missing `client_id` claim")),
        others: vec![
            (of(with(id, "client_id", "xxxxxxxxxxxxexample")), "expected the claim `token_use`"),
            (of(with(access, "client_id", "another")), "expected the claim `client_id`"),
        ],
    }
}

fn casdoor() -> Row {
    let common = json!({
        "owner": "org", "name": "ann", "createdTime": "2026-01-02T03:04:05Z", "updatedTime": "", "deletedTime": "",
        "id": "e6d5fa0c-1f0c-4a51-8d0b-6a5a8b1a9a10", "type": "normal-user", "password": "", "displayName": "Ann A",
        "avatar": "https://cdn/a.png", "email": "ann@example.com", "emailVerified": false, "phone": "", "tag": "staff",
        "isOnline": true, "isAdmin": true, "isForbidden": false, "isDeleted": false, "groups": ["org/ops"],
        "roles": [{"owner": "org", "name": "editor", "displayName": "Editor", "users": null, "isEnabled": true}],
        "permissions": [{"owner": "org", "name": "report-read", "actions": ["Read"], "effect": "Allow"}],
        "nonce": "", "scope": "read", "azp": "014ae4bd048734ca2dea", "iss": "https://door.example.com",
        "sub": "e6d5fa0c-1f0c-4a51-8d0b-6a5a8b1a9a10", "aud": ["014ae4bd048734ca2dea"], "nbf": now(), "jti": "admin/1",
    });
    let of = |tokens: &str| token("RS256", Some("JWT"), &with(common.clone(), "tokenType", tokens));
    // The key of it is not named.
    let refresh = dated(&with(common.clone(), "tokenType", "refresh-token"));
    Row {
        issuer: "Casdoor",
        sent: "access token",
        verifier: presets::casdoor("https://door.example.com", "014ae4bd048734ca2dea"),
        access: of("access-token"),
        seen: (
            "e6d5fa0c-1f0c-4a51-8d0b-6a5a8b1a9a10",
            "ann",
            vec!["editor"],
            vec!["report-read"],
            vec!["org/ops"],
            true,
        ),
        places: ["`sub`", "`name`", "`roles`", "`permissions`", "`groups`", "`isAdmin`"],
        refresh: (
            RSA.issue("RS256", None, &refresh),
            "expected the claim `tokenType` to be \"access-token\", found `\"refresh-token\"`",
        ),
        // The very same token; one of another application's is told by its audience.
        id: Some((
            token(
                "RS256",
                Some("JWT"),
                &with(with(common.clone(), "tokenType", "access-token"), "aud", "b0"),
            ),
            "another audience (`aud`)",
        )),
        others: vec![(token("RS256", Some("JWT"), &common), "missing `tokenType` claim")],
    }
}

fn zitadel() -> Row {
    let (project, other) = ("69234237810729019", "70669147545070419");
    let roles = |project: &str| format!("urn:zitadel:iam:org:project:{project}:roles");
    let common = json!({
        "iss": "https://example.zitadel.cloud", "sub": "77776025198584418",
        "aud": ["69234237810729234@app", project], "client_id": "69234237810729234@app",
        (roles(project)): {"editor": {"60000000000": "example.com"}, "admin": {"60000000000": "example.com"}},
        (roles(other)): {"owner": {"60000000000": "example.com"}},
        "urn:zitadel:iam:org:project:roles": {"client-owner": {"60000000000": "example.com"}},
    });
    let of = |more| token("RS256", Some("JWT"), &and(common.clone(), more));
    let id = json!({
        "amr": ["pwd"], "auth_time": now(), "azp": "69234237810729234@app", "at_hash": "x", "name": "Ann A",
        "preferred_username": "ann", "email": "ann@example.com", "email_verified": true,
    });
    Row {
        issuer: "ZITADEL",
        sent: "access token",
        verifier: presets::zitadel("https://example.zitadel.cloud", project),
        access: of(json!({"jti": "V2_1", "nbf": now()})),
        seen: ("77776025198584418", "77776025198584418", vec!["admin", "editor"], vec![], vec![], true),
        places: [
            "`sub`",
            "the id",
            "`urn:zitadel:iam:org:project:69234237810729019:roles`",
            "",
            "",
            "the role `admin`",
        ],
        refresh: opaque(),
        id: Some((of(id), "missing `jti` claim")),
        others: vec![(of(json!({"jti": "V2_2", "aud": [other]})), "another audience (`aud`)")],
    }
}

fn logto() -> Row {
    let common = json!({"iss": "https://example.logto.app/oidc", "sub": "yx1fpqn5k0"});
    let access = json!({
        "jti": "j", "aud": "https://api.example.com", "scope": "read:reports write:reports", "client_id": "app",
        // Of a "Custom JWT".
        "roles": ["editor"], "username": "ann",
    });
    let id = json!({"aud": "app", "at_hash": "x", "username": "ann", "roles": ["admin"]});
    let of = |typ, more| token("ES384", typ, &and(common.clone(), more));
    Row {
        issuer: "Logto",
        sent: "access token",
        verifier: presets::logto("https://example.logto.app/", "https://api.example.com"),
        access: of(Some("at+jwt"), access.clone()),
        seen: ("yx1fpqn5k0", "ann", vec!["editor"], vec!["read:reports", "write:reports"], vec![], false),
        places: [
            "`sub`",
            "`username` of a custom JWT, or the id",
            "`roles` of a custom JWT",
            "`scope`",
            "",
            "the role `admin`",
        ],
        refresh: opaque(),
        id: Some((of(None, id), "another audience (`aud`)")),
        others: vec![(of(Some("JWT"), access), "expected `typ` `at+jwt`")],
    }
}

fn supabase_claims() -> Value {
    json!({
        "sub": "123e4567-e89b-12d3-a456-426614174000", "aud": "authenticated", "role": "authenticated", "aal": "aal1",
        "email": "ann@example.com", "phone": "", "session_id": "s", "is_anonymous": false,
        "app_metadata": {"provider": "email", "providers": ["email"], "roles": ["editor"], "permissions": ["report:read"]},
        "user_metadata": {"full_name": "Ann A", "role": "admin", "permissions": ["all"], "preferred_username": "root"},
        "amr": [{"method": "password", "timestamp": now()}],
    })
}

fn supabase_seen() -> Seen {
    let id = "123e4567-e89b-12d3-a456-426614174000";
    (id, "ann@example.com", vec!["authenticated", "editor"], vec!["report:read"], vec![], false)
}

fn supabase(issuer: &'static str, alg: &'static str, base: &str, verifier: JwtVerifierBuilder) -> Row {
    let iss = format!("{base}/auth/v1");
    let claims = with(supabase_claims(), "iss", &*iss);
    let of = |claims| token(alg, Some("JWT"), &claims);
    Row {
        issuer,
        sent: "access token",
        verifier,
        access: of(claims.clone()),
        seen: supabase_seen(),
        places: ["`sub`", "`email`", "`role`, `app_metadata`", "`app_metadata`", "", "the role `admin`"],
        refresh: opaque(),
        // Of a project that is an OAuth server: the client is the audience.
        id: Some((of(with(claims.clone(), "aud", "9a8b7c6d-client")), "another audience (`aud`)")),
        others: vec![
            // The key that services have: no user.
            (of(json!({"iss": "supabase", "ref": "project", "role": "service_role"})), "missing `aud` claim"),
            (of(with(claims, "iss", "https://other.supabase.co/auth/v1")), "another issuer (`iss`)"),
        ],
    }
}

fn firebase() -> Row {
    let claims = json!({
        "iss": "https://securetoken.google.com/my-project", "aud": "my-project", "auth_time": now(),
        "user_id": "JW8eEGZ1HkVAJPbxTQiJzKD1bRV2", "sub": "JW8eEGZ1HkVAJPbxTQiJzKD1bRV2", "name": "Ann A",
        "picture": "https://cdn/a.png", "email": "ann@example.com", "email_verified": true,
        "firebase": {"identities": {"email": ["ann@example.com"]}, "sign_in_provider": "password"},
        // Custom claims.
        "admin": true, "role": "editor", "permissions": ["report:read"],
    });
    let of = |claims| token("RS256", Some("JWT"), &claims);
    Row {
        issuer: "Firebase",
        sent: "ID token",
        verifier: presets::firebase("my-project"),
        access: of(claims.clone()),
        seen: (
            "JW8eEGZ1HkVAJPbxTQiJzKD1bRV2",
            "ann@example.com",
            vec!["editor"],
            vec!["report:read"],
            vec![],
            true,
        ),
        places: ["`sub`", "`email`, once verified", "`role`, `roles`", "`permissions`", "", "`admin`"],
        refresh: opaque(),
        id: None,
        others: vec![
            // A session cookie.
            (
                of(with(claims.clone(), "iss", "https://session.firebase.google.com/my-project")),
                "another issuer (`iss`)",
            ),
            (of(with(claims, "aud", "other-project")), "another audience (`aud`)"),
        ],
    }
}

const BETTER_AUTH: &str = "https://app.example.com";

fn better_auth_oauth_claims() -> Value {
    json!({"iss": "https://app.example.com/api/auth", "sub": "kGk3uTtqyLT4", "azp": "client-1", "sid": "s", "jti": "j"})
}

fn better_auth() -> Row {
    let claims = json!({
        "iss": BETTER_AUTH, "aud": BETTER_AUTH, "sub": "kGk3uTtqyLT4", "id": "kGk3uTtqyLT4", "name": "Ann A",
        "email": "ann@example.com", "emailVerified": false, "createdAt": "2026-01-02T03:04:05.678Z",
        "updatedAt": "2026-01-02T03:04:05.678Z", "role": "editor,admin", "banned": false,
    });
    let id = with(with(better_auth_oauth_claims(), "aud", "client-1"), "auth_time", now());
    let access = with(better_auth_oauth_claims(), "aud", json!(["https://api.example.com"]));
    Row {
        issuer: "better-auth, session",
        sent: "session's token",
        verifier: presets::better_auth("https://app.example.com/"),
        access: token("EdDSA", None, &claims),
        seen: ("kGk3uTtqyLT4", "kGk3uTtqyLT4", vec!["editor", "admin"], vec![], vec![], true),
        places: ["`sub`", "`email`, once verified", "`role`", "", "", "the role `admin`"],
        refresh: opaque(),
        id: Some((token("EdDSA", None, &id), "another audience (`aud`)")),
        others: vec![
            (token("EdDSA", Some("at+jwt"), &access), "another audience (`aud`)"),
            (token("EdDSA", None, &with(id, "aud", BETTER_AUTH)), "another issuer (`iss`)"),
        ],
    }
}

fn better_auth_oauth() -> Row {
    let access = and(
        better_auth_oauth_claims(),
        json!({
            "aud": ["https://api.example.com", "https://app.example.com/api/auth/oauth2/userinfo"],
            "scope": "openid report:read", "client_id": "client-1",
        }),
    );
    let id = and(
        better_auth_oauth_claims(),
        json!({"aud": "client-1", "name": "Ann A", "email": "ann@example.com", "email_verified": false}),
    );
    Row {
        issuer: "better-auth, OAuth",
        sent: "access token",
        verifier: presets::better_auth_oauth(BETTER_AUTH, "https://api.example.com"),
        access: token("EdDSA", Some("at+jwt"), &access),
        seen: ("kGk3uTtqyLT4", "kGk3uTtqyLT4", vec![], vec!["openid", "report:read"], vec![], false),
        places: ["`sub`", "the id", "", "`scope`", "", "the role `admin`"],
        refresh: opaque(),
        id: Some((token("EdDSA", None, &id), "another audience (`aud`)")),
        others: vec![
            (token("EdDSA", None, &with(id, "aud", "https://api.example.com")), "expected `typ` `at+jwt`"),
            (token("EdDSA", None, &with(access, "iss", BETTER_AUTH)), "another issuer (`iss`)"),
        ],
    }
}

/// `old` is the secret's, else the key set's.
fn autogpt(keys: &str, old: bool) -> Row {
    let claims = json!({
        "sub": "123e4567-e89b-12d3-a456-426614174000", "aud": "authenticated", "role": "admin", "email": "ann@example.com",
        "jti": "j", "sid": "s", "app_metadata": {"role": "owner"},
    });
    let alg = if old { "HS256" } else { "ES256" };
    let of = |claims| token(alg, Some("JWT"), &claims);
    let service =
        json!({"sub": "service:frontend", "aud": "autogpt-platform-backend", "scope": "notifications"});
    Row {
        issuer: if old { "AutoGPT, secret" } else { "AutoGPT, key set" },
        sent: "access token",
        verifier: presets::autogpt(keys, SECRET),
        access: of(claims.clone()),
        seen: (
            "123e4567-e89b-12d3-a456-426614174000",
            "ann@example.com",
            vec!["admin"],
            vec![],
            vec![],
            true,
        ),
        places: ["`sub`", "`email`", "`role`", "`permissions`", "", "the role `admin`"],
        refresh: opaque(),
        id: Some((of(with(claims, "aud", "client")), "another audience (`aud`)")),
        others: vec![(of(service), "another audience (`aud`)")],
    }
}

/// Those whose tokens are signed by a key of a set.
pub(super) fn of_key_sets() -> Vec<Row> {
    let cloud = "https://project.supabase.co";
    vec![
        keycloak(),
        auth0(),
        entra_id(),
        cognito(),
        casdoor(),
        zitadel(),
        logto(),
        supabase("Supabase", "ES256", cloud, presets::supabase(cloud)),
        firebase(),
        better_auth(),
        better_auth_oauth(),
    ]
}

/// All of them; AutoGPT's keys are at this URL.
pub(crate) fn all(keys: &str) -> Vec<Row> {
    let local = "http://127.0.0.1:54321";
    let mut rows = of_key_sets();
    rows.push(supabase("Supabase, secret", "HS256", local, presets::supabase_secret(local, SECRET)));
    rows.extend([autogpt(keys, false), autogpt(keys, true)]);
    rows
}
