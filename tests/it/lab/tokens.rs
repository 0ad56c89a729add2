//! Tokens that packages of npm issue: jose, jsonwebtoken, better-auth's two issuers, and oidc-provider.

use std::time::Duration;

use aigc_auth::jwt::{JwtVerifier, presets};

use super::room::{self, Room};
use crate::jwt::issued::{Row, Seen, compare};
use crate::jwt::libraries::{OWN, own};

/// better-auth and its OAuth provider are of one version: the provider wants exactly what that brings.
const PACKAGES: [&str; 6] = [
    "better-auth@1.7.5",
    "@better-auth/core@1.7.5",
    "@better-auth/oauth-provider@1.7.5",
    "jose@6.2.18",
    "jsonwebtoken@9.0.3",
    "oidc-provider@9.13.3",
];

const SCRIPT: &str = include_str!("../../lab/issue_tokens.mjs");
const BASE: &str = "https://app.example.com";
const API: &str = "https://api.example.com";

#[tokio::test]
async fn tokens() {
    let Some(room) = Room::of("tokens") else { return };
    room.npm(&PACKAGES).await;
    room.write("app.mjs", SCRIPT);
    let (issued, _provider) =
        room::serve_after_line(room.node().arg("app.mjs"), Duration::from_secs(60)).await;
    let rows = [
        Row {
            issuer: "jose",
            verifier: |issued| own(issued).typ("at+jwt"),
            seen: OWN,
            refresh: Some("expected `typ` `at+jwt`"),
            id: Some("another audience"),
            others: &[],
        },
        Row {
            issuer: "jsonwebtoken",
            verifier: own,
            seen: OWN,
            refresh: Some("a refresh token"),
            id: Some("another audience"),
            // One without `expiresIn`.
            others: &["missing `exp` claim"],
        },
        Row {
            issuer: "better-auth",
            verifier: |issued| presets::better_auth(BASE).jwks_url(&*issued.keys),
            seen: Seen {
                // The e-mail is not verified.
                username: None,
                roles: &["editor", "admin"],
                permissions: &[],
                groups: &[],
                admin: true,
            },
            refresh: Some("opaque token"),
            id: Some("another audience"),
            // The access tokens of its OAuth provider, with a resource and without.
            others: &["another audience", "opaque token"],
        },
        Row {
            issuer: "@better-auth/oauth-provider",
            verifier: |issued| presets::better_auth_oauth(BASE, API).jwks_url(&*issued.keys),
            seen: Seen {
                username: None,
                roles: &[],
                permissions: &["openid", "profile", "email", "offline_access", "report:read"],
                groups: &[],
                admin: false,
            },
            refresh: Some("opaque token"),
            id: Some("another audience"),
            // The session's token, and an access token without a resource.
            others: &["another audience", "opaque token"],
        },
        Row {
            issuer: "oidc-provider",
            verifier: |issued| {
                // Its keys are found by its own metadata.
                let builder = JwtVerifier::from_issuer(issued.text("base").unwrap());
                builder.audience(API).typ("at+jwt").permissions_from_scope().groups_claim("groups")
            },
            seen: Seen { username: None, ..OWN },
            refresh: Some("opaque token"),
            id: Some("another audience"),
            others: &["opaque token"],
        },
    ];
    compare(&serde_json::from_str(&issued).unwrap(), &rows).await;
}
