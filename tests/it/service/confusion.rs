//! A user's token is never a service's, nor the other way round.

use std::time::Duration;

use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{Algorithm, JwtVerifier};
use aigc_auth::service::{ServiceVerifier, WithServices};
use aigc_auth::testing::Clock;
use aigc_auth::{AuthError, AuthLayer, UserInfo, Verify};
use serde_json::{Value, json};
use test_support::jwt::{ANOTHER_P256, ED25519, HMAC, KeyServer, P256, SECRET, now, with};

use crate::service::support::{AUDIENCE, alice, app, ask, claims, frontend, keys, services, sign, users};

/// What a token is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    User,
    Service,
    Nobody,
}
use As::{Nobody, Service, User};

async fn taken_for(app: &axum::Router, token: &str) -> As {
    match (ask(app, "/user", token).await.0, ask(app, "/service", token).await.0) {
        (200, 403) => User,
        (403, 200) => Service,
        (401, 401) => Nobody,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn audience_and_subject_both_say_whose_a_token_is() {
    let of_users = || users().build().unwrap();
    let any_audience = || keys().insecure_any_audience().build().unwrap();
    // Each kind alone, both, and both with a verifier of users that takes any audience and any subject.
    let apps = [
        app(AuthLayer::new(of_users())),
        app(AuthLayer::tokens_only(services())),
        app(AuthLayer::new(WithServices::new(of_users(), services()))),
        app(AuthLayer::new(WithServices::new(any_audience(), services()))),
    ];
    let user = json!("authenticated");
    let both = || json!(["authenticated", AUDIENCE]);
    let rows: [(&str, Value, [As; 4]); 16] = [
        ("alice", user.clone(), [User, Nobody, User, User]),
        ("alice", json!(["authenticated"]), [User, Nobody, User, User]),
        ("service:frontend", json!(AUDIENCE), [Nobody, Service, Service, Service]),
        ("service:frontend", json!(["x", AUDIENCE]), [Nobody, Service, Service, Service]),
        // One of both.
        ("service:frontend", user.clone(), [Nobody; 4]),
        ("alice", json!(AUDIENCE), [Nobody; 4]),
        // Of a user who is let into the audience: where there are services, that audience is theirs.
        ("alice", both(), [User, Nobody, Nobody, Nobody]),
        ("service:frontend", both(), [Nobody, Service, Service, Service]),
        // Of others.
        ("alice", json!("another"), [Nobody, Nobody, Nobody, User]),
        ("service:frontend", json!("another"), [Nobody; 4]),
        ("service:frontend", json!(format!("{AUDIENCE}-2")), [Nobody; 4]),
        // No name, and what is no prefix.
        ("service:", json!(AUDIENCE), [Nobody; 4]),
        ("Service:frontend", json!(AUDIENCE), [Nobody; 4]),
        (" service:frontend", json!(AUDIENCE), [Nobody; 4]),
        ("services", user.clone(), [User, Nobody, User, User]),
        ("a-service:frontend", user, [User, Nobody, User, User]),
    ];
    for (sub, aud, expected) in rows {
        let token = sign(&claims(sub, aud.clone(), "orders:read"));
        for (which, expected) in expected.into_iter().enumerate() {
            let taken = taken_for(&apps[which], &token).await;
            assert_eq!(taken, expected, "{sub} for {aud}, service {which}");
            // From the cache, too.
            assert_eq!(taken_for(&apps[which], &token).await, expected, "{sub} for {aud}, service {which}");
        }
    }
}

#[tokio::test]
async fn ids_in_other_claims_are_no_services_either() {
    let verifier = users().subject_claim("uid").build().unwrap();
    for (sub, uid, passes) in
        [("alice", "7", true), ("service:frontend", "7", false), ("alice", "service:frontend", false)]
    {
        let token = sign(&with(claims(sub, "authenticated", ""), "uid", uid));
        let verified = verifier.user_info(&token).await;
        assert_eq!(verified.is_ok(), passes, "{sub} {uid}");
        if let Err(error) = verified {
            let detail = error.to_string();
            assert!(detail.contains("does not start with `service:`"), "{detail}");
        }
    }

    /// An opaque token's user, who is called like a service.
    struct Opaque;
    impl Verify<BearerToken> for Opaque {
        async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
            Ok(UserInfo::builder(token.as_str().replace('_', ":"), "frontend").build())
        }
    }
    impl Verify<AccessKey> for Opaque {
        fn try_verify(&self, key: &AccessKey) -> Option<Result<UserInfo, AuthError>> {
            let id = key.as_str().strip_prefix("ak_at_once_")?;
            Some(Ok(UserInfo::builder(id.replace('_', ":"), "frontend").build()))
        }

        async fn verify(&self, key: AccessKey) -> Result<UserInfo, AuthError> {
            let id = key.as_str().trim_start_matches("ak_").replace('_', ":");
            Ok(UserInfo::builder(id, "frontend").build())
        }
    }
    let app = app(AuthLayer::new(WithServices::new(Opaque, services())));
    for (credential, status) in [
        ("alice", 200),
        ("service_frontend", 401),
        ("ak_alice", 200),
        ("ak_service_frontend", 401),
        ("ak_at_once_alice", 200),
        ("ak_at_once_service_frontend", 401),
    ] {
        assert_eq!(ask(&app, "/user", credential).await.0, status, "{credential}");
        assert_ne!(ask(&app, "/service", credential).await.0, 200, "{credential}");
    }
}

/// The keys of two services that do not trust one another: an issuer is what a token says of itself, and so the name has to be
/// required of the key that signed.
#[tokio::test]
async fn key_signs_the_name_that_is_required_of_it_alone() {
    let keys = |pem: String, name: &str| JwtVerifier::from_public_key(pem).require_claim("sub", name);
    let keys = keys(P256.pem(), "service:frontend").also_accept(keys(ED25519.pem(), "service:reports"));
    let services = ServiceVerifier::builder(keys, AUDIENCE).build().unwrap();
    for (name, by_first, by_second) in
        [("frontend", true, false), ("reports", false, true), ("billing", false, false)]
    {
        let claims = claims(&format!("service:{name}"), AUDIENCE, "");
        let tokens = [P256.issue("ES256", None, &claims), ED25519.issue("EdDSA", None, &claims)];
        for (token, accepted) in tokens.iter().zip([by_first, by_second]) {
            let verified = services.service(token).await;
            assert_eq!(verified.is_ok(), accepted, "{name}: {verified:?}");
        }
    }
}

#[tokio::test]
async fn roles_and_admin_flags_in_a_services_token_are_none() {
    let token = with(claims("service:frontend", AUDIENCE, "orders:read"), "role", "admin");
    let token = with(with(token, "roles", json!(["admin"])), "permissions", json!(["orders:purge"]));
    let service = services().service(&sign(&token)).await.unwrap();
    assert_eq!(service.scopes().iter().collect::<Vec<_>>(), ["orders:read"]);
    assert!(!service.may::<aigc_auth::permission::Admin>());
    assert_eq!((service.name(), service.subject()), ("frontend", "service:frontend"));
}

#[tokio::test]
async fn symmetric_algorithms_are_refused_at_build_and_in_tokens() {
    let refused = [
        JwtVerifier::from_secret(SECRET),
        keys().also_accept(JwtVerifier::from_secret(SECRET)),
        keys()
            .also_accept(keys().also_accept(JwtVerifier::from_secret(SECRET).algorithms([Algorithm::Hs512]))),
        keys().algorithms([Algorithm::Es256, Algorithm::Hs256]),
        JwtVerifier::from_jwks("https://a.example.com/keys").algorithms([Algorithm::Hs384]),
    ];
    for builder in refused {
        let error = ServiceVerifier::builder(builder, AUDIENCE).build().unwrap_err().to_string();
        assert!(error.contains("could sign as any service"), "{error}");
    }
    for (builder, setting) in [
        (ServiceVerifier::builder(keys(), " "), "the audience of services is empty"),
        (
            ServiceVerifier::builder(keys(), AUDIENCE).subject_prefix(""),
            "the subject prefix of services is empty",
        ),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(setting), "{error}");
    }
    let claims = claims("service:frontend", AUDIENCE, "");
    let unsigned = P256.token("none", json!({ "alg": "none" }).to_string(), claims.to_string());
    let by_public_key = test_support::jwt::Signer::secret(P256.pem()).issue("HS256", None, &claims);
    for token in [HMAC.issue("HS256", None, &claims), by_public_key, unsigned] {
        let error = services().service(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{error}");
    }
}

#[tokio::test]
async fn what_tokens_of_services_are_refused_for() {
    let clock = Clock::held();
    let server = KeyServer::start(&[P256.named("p"), ED25519.named("e")]).await;
    let keys = JwtVerifier::from_jwks(server.url()).clock(clock.clone()).issuer("https://auth.example.com");
    let services = ServiceVerifier::builder(keys, AUDIENCE).build().unwrap();
    services.fetch_keys().await.unwrap();
    let good = with(claims("service:frontend", AUDIENCE, ""), "iss", "https://auth.example.com");
    for (token, expected) in [
        (P256.issue("ES256", Some("p"), &good), None),
        (ED25519.issue("EdDSA", Some("e"), &good), None),
        (ANOTHER_P256.issue("ES256", Some("p"), &good), Some(ErrorKind::InvalidCredential)),
        (P256.issue("ES256", Some("p"), &with(good.clone(), "iss", "x")), Some(ErrorKind::InvalidCredential)),
        (P256.issue("ES256", Some("p"), &with(good.clone(), "sub", 7)), Some(ErrorKind::InvalidCredential)),
        (P256.issue("ES256", Some("p"), &with(good.clone(), "exp", now() - 31)), Some(ErrorKind::Expired)),
        (
            P256.issue("ES256", Some("p"), &with(good.clone(), "exp", Value::Null)),
            Some(ErrorKind::InvalidCredential),
        ),
        (
            P256.issue("ES256", Some("p"), &with(good.clone(), "nbf", now() + 40)),
            Some(ErrorKind::InvalidCredential),
        ),
    ] {
        let verified = services.service(&token).await;
        assert_eq!(verified.as_ref().err().map(AuthError::kind), expected, "{verified:?} {token}");
    }
    // From the cache no longer than it lives, and the leeway.
    let token = P256.issue("ES256", Some("p"), &good);
    assert!(services.service(&token).await.is_ok());
    clock.advance(Duration::from_secs(91));
    assert_eq!(services.service(&token).await.unwrap_err().kind(), ErrorKind::Expired);
}

#[tokio::test]
async fn another_prefix_is_another_kind_of_callers() {
    let services = ServiceVerifier::builder(keys(), AUDIENCE).subject_prefix("svc/").build().unwrap();
    let token = sign(&claims("svc/frontend", AUDIENCE, "a"));
    assert_eq!(services.service(&token).await.unwrap().name(), "frontend");
    assert!(services.service(&frontend("a")).await.is_err());
    assert!(services.service(&alice()).await.is_err());
}
