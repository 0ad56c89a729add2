//! Presets, against tokens of the shape that the issuers' documents give; the sources are named at the presets.
//!
//! A row an issuer, and each has the same cells: accepted, id, username, roles, permissions, groups, admin flag, and that
//! what its issuer gives out beside access tokens is rejected for what it is.

use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{JwtVerifierBuilder, presets};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::jwt::support::{ED25519, HMAC, KeyServer, P256, P384, RSA, SECRET, Signer, now, with};

/// What is seen of a user: id, username, roles, permissions, groups, and whether they are an admin.
type Seen = (&'static str, &'static str, Vec<&'static str>, Vec<&'static str>, Vec<&'static str>, bool);

struct Row {
    issuer: &'static str,
    verifier: JwtVerifierBuilder,
    access: String,
    seen: Seen,
    /// Both with a part of the reason.
    refresh: (String, &'static str),
    /// `None` where ID tokens are what services are sent.
    id: Option<(String, &'static str)>,
    /// Whatever else its keys have signed.
    others: Vec<(String, &'static str)>,
}

/// The key for an algorithm, and its name in the set that the server publishes.
fn signer(alg: &str) -> (&'static Signer, Option<&'static str>) {
    match alg {
        "RS256" => (&RSA, Some("rsa")),
        "ES384" => (&P384, Some("p384")),
        "ES256" => (&P256, Some("p256")),
        "EdDSA" => (&ED25519, Some("ed25519")),
        _ => (&HMAC, None),
    }
}

/// The same token with another value of a claim, well signed.
fn changed(token: &str, name: &str, value: &str) -> String {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let (header, payload) = (parts.next().unwrap(), parts.next().unwrap());
    let alg = serde_json::from_slice::<Value>(&header).unwrap()["alg"].as_str().unwrap().to_owned();
    let claims = with(serde_json::from_slice(&payload).unwrap(), name, value);
    signer(&alg).0.token(&alg, header, claims.to_string())
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
        refresh: (refresh, "HS512"),
        id: Some((of(json!({"typ": "ID", "aud": "reports", "at_hash": "x"})), "found `\\\"ID\\\"`")),
        others: vec![
            (of(with(access.clone(), "typ", "Offline")), "found `\\\"Offline\\\"`"),
            (of(with(access.clone(), "typ", "Logout")), "found `\\\"Logout\\\"`"),
            (of(with(access.clone(), "aud", "account")), "another audience"),
            (of(with(access, "iss", "https://login.example.com/realms/other")), "another issuer"),
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
        refresh: opaque(),
        id: Some((of(id), "another audience")),
        others: vec![(of(json!({"aud": "https://example.eu.auth0.com/api/v2/"})), "another audience")],
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
        refresh: opaque(),
        // Of an application that is both client and API, so that the audience is the same.
        id: Some((of(with(common.clone(), "nonce", "12345")), "missing `azp` claim")),
        others: vec![(
            of(with(and(common, access), "iss", format!("https://sts.windows.net/{tenant}/"))),
            "another issuer",
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
        refresh: (RSA.issue("RS256", None, &refresh), "found `\\\"refresh-token\\\"`"),
        // The very same token; one of another application's is told by its audience.
        id: Some((
            token(
                "RS256",
                Some("JWT"),
                &with(with(common.clone(), "tokenType", "access-token"), "aud", "b0"),
            ),
            "another audience",
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
        verifier: presets::zitadel("https://example.zitadel.cloud", project),
        access: of(json!({"jti": "V2_1", "nbf": now()})),
        seen: ("77776025198584418", "77776025198584418", vec!["admin", "editor"], vec![], vec![], true),
        refresh: opaque(),
        id: Some((of(id), "missing `jti` claim")),
        others: vec![(of(json!({"jti": "V2_2", "aud": [other]})), "another audience")],
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
        verifier: presets::logto("https://example.logto.app/", "https://api.example.com"),
        access: of(Some("at+jwt"), access.clone()),
        seen: ("yx1fpqn5k0", "ann", vec!["editor"], vec!["read:reports", "write:reports"], vec![], false),
        refresh: opaque(),
        id: Some((of(None, id), "another audience")),
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
        verifier,
        access: of(claims.clone()),
        seen: supabase_seen(),
        refresh: opaque(),
        // Of a project that is an OAuth server: the client is the audience.
        id: Some((of(with(claims.clone(), "aud", "9a8b7c6d-client")), "another audience")),
        others: vec![
            // The key that services have: no user.
            (of(json!({"iss": "supabase", "ref": "project", "role": "service_role"})), "aud"),
            (of(with(claims, "iss", "https://other.supabase.co/auth/v1")), "another issuer"),
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
        refresh: opaque(),
        id: None,
        others: vec![
            // A session cookie.
            (
                of(with(claims.clone(), "iss", "https://session.firebase.google.com/my-project")),
                "another issuer",
            ),
            (of(with(claims, "aud", "other-project")), "another audience"),
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
        verifier: presets::better_auth("https://app.example.com/"),
        access: token("EdDSA", None, &claims),
        seen: ("kGk3uTtqyLT4", "kGk3uTtqyLT4", vec!["editor", "admin"], vec![], vec![], true),
        refresh: opaque(),
        id: Some((token("EdDSA", None, &id), "aud")),
        others: vec![
            (token("EdDSA", Some("at+jwt"), &access), "aud"),
            (token("EdDSA", None, &with(id, "aud", BETTER_AUTH)), "another issuer"),
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
        verifier: presets::better_auth_oauth(BETTER_AUTH, "https://api.example.com"),
        access: token("EdDSA", Some("at+jwt"), &access),
        seen: ("kGk3uTtqyLT4", "kGk3uTtqyLT4", vec![], vec!["openid", "report:read"], vec![], false),
        refresh: opaque(),
        id: Some((token("EdDSA", None, &id), "another audience")),
        others: vec![
            (token("EdDSA", None, &with(id, "aud", "https://api.example.com")), "expected `typ` `at+jwt`"),
            (token("EdDSA", None, &with(access, "iss", BETTER_AUTH)), "another issuer"),
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
        refresh: opaque(),
        id: Some((of(with(claims, "aud", "client")), "another audience")),
        others: vec![(of(service), "another audience")],
    }
}

/// Those whose tokens are signed by a key of a set.
fn of_key_sets() -> Vec<Row> {
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

async fn rejection(builder: &JwtVerifierBuilder, keys: &str, token: &str) -> String {
    let error = at(builder, keys).build().unwrap().user_info(token).await.expect_err(token);
    assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{error}");
    error.detail().unwrap().to_owned()
}

/// The preset with its keys on this machine, unless it has none but a secret.
fn at(builder: &JwtVerifierBuilder, keys: &str) -> JwtVerifierBuilder {
    let here = builder.clone().jwks_url(keys);
    if here.clone().build().is_ok() { here } else { builder.clone() }
}

#[tokio::test]
async fn each_issuer_is_understood() {
    let published = [
        RSA.named("rsa"),
        P384.named("p384"),
        with(P256.named("p256"), "alg", "ES256"),
        ED25519.named("ed25519"),
    ];
    let server = KeyServer::start(&published).await;
    let keys = server.url();
    let local = "http://127.0.0.1:54321";
    let mut rows = of_key_sets();
    rows.push(supabase("Supabase, secret", "HS256", local, presets::supabase_secret(local, SECRET)));
    rows.extend([autogpt(&keys, false), autogpt(&keys, true)]);
    for row in rows {
        let name = row.issuer;
        let verifier = at(&row.verifier, &keys).build().unwrap();
        let user = verifier.user_info(&row.access).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (id, username, roles, permissions, groups, admin) = row.seen;
        assert_eq!(user.id().to_string(), id, "{name}: id");
        assert_eq!(user.username(), username, "{name}: username");
        assert!(user.roles().iter().eq(roles.iter().copied()), "{name}: {:?}", user.roles());
        assert!(
            user.permissions().iter().eq(permissions.iter().copied()),
            "{name}: {:?}",
            user.permissions()
        );
        let of_user: Vec<_> = user.groups().iter().map(|group| group.code().unwrap()).collect();
        assert_eq!(of_user, groups, "{name}: groups");
        assert_eq!(user.is_admin(), admin, "{name}: admin flag");
        // One issuer and one audience each, but for AutoGPT, which checks no issuer, and Cognito, which has no audience.
        let (mut foreign, stranger) = (Vec::new(), "https://stranger.example.com");
        for (claim, said, exempt) in
            [("iss", "of another issuer", "AutoGPT"), ("aud", "for another audience", "Cognito")]
        {
            if !name.starts_with(exempt) {
                foreign.push((changed(&row.access, claim, stranger), said));
            }
        }
        let refused = [row.refresh].into_iter().chain(row.id).chain(row.others).chain(foreign);
        for (token, said) in refused {
            let found = rejection(&row.verifier, &keys, &token).await;
            assert!(found.contains(said), "{name}: expected {said}, found {found}");
        }
    }
}

/// Nothing of what a preset leaves out is made up for by another's: each refuses the access tokens of all others.
#[tokio::test]
async fn no_issuer_speaks_for_another() {
    let published = [RSA.named("rsa"), P384.named("p384"), P256.named("p256"), ED25519.named("ed25519")];
    let server = KeyServer::start(&published).await;
    let keys = server.url();
    let rows = of_key_sets();
    for verifying in &rows {
        for other in rows.iter().filter(|other| other.issuer != verifying.issuer) {
            rejection(&verifying.verifier, &keys, &other.access).await;
        }
    }
}

#[tokio::test]
async fn key_set_is_where_jwks_url_says() {
    let server = KeyServer::start(&[RSA.named("rsa")]).await;
    let row = keycloak();
    let verifier = row.verifier.clone().jwks_url(server.url()).build().unwrap();
    assert!(verifier.user_info(&row.access).await.is_ok());
    assert_eq!(server.requests(), 1, "no metadata");
    let error = row.verifier.jwks_url("http://keys.example.com/jwks").build().unwrap_err().to_string();
    assert!(error.contains("insecure_plain_http"), "{error}");
    let error =
        presets::supabase_secret("http://127.0.0.1", SECRET).jwks_url(server.url()).build().unwrap_err();
    assert!(error.to_string().contains("`jwks_url` is set for a secret"), "{error}");
}
