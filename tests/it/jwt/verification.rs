//! Tokens verified locally: algorithms, claims, extractors.

use std::time::Duration;

use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{self, Algorithm, Claims, JwtVerifier, JwtVerifierBuilder};
use aigc_auth::testing::{AuthCenter, Clock, TestKey, user};
use aigc_auth::{AuthError, AuthLayer, CurrentUser};
use axum::Router;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::jwt::support::{
    ED25519, HMAC, KeyServer, P256, P384, P521, RSA, SECRET, Signer, claims, greeting, now, pem, with,
};
use crate::support::{self, Answer, App, get_as, serve};

fn seen(answer: &Answer) -> (u16, Option<&str>, &str) {
    (answer.status, answer.header("www-authenticate"), &answer.body)
}

const HELLO: (u16, Option<&str>, &str) = (200, None, "hello alice");
const REFUSED: (u16, Option<&str>, &str) = (
    401,
    Some(r#"Bearer error="invalid_token""#),
    r#"{"code":401,"message":"The credential is invalid or has expired","data":null}"#,
);

/// So that callers refresh it, and do not log in again.
const EXPIRED: (u16, Option<&str>, &str) = (
    401,
    Some(r#"Bearer error="invalid_token", error_description="The access token expired""#),
    r#"{"code":401,"message":"The token has expired","data":null}"#,
);

pub(super) async fn ask(app: &App, token: &str) -> (u16, bool) {
    let answer = get_as(app.address, token, "/").await;
    let refused = seen(&answer) == REFUSED || seen(&answer) == EXPIRED;
    assert!(refused || answer.status != 401, "{answer:?}");
    (answer.status, refused)
}

fn signers() -> [(&'static Signer, &'static [Algorithm]); 6] {
    use Algorithm::*;
    [
        (&HMAC, &[Hs256, Hs384, Hs512]),
        (&RSA, &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512]),
        (&P256, &[Es256]),
        (&P384, &[Es384]),
        (&P521, &[Es512]),
        (&ED25519, &[EdDsa]),
    ]
}

#[tokio::test]
async fn every_algorithm_verifies_with_matching_key() {
    for (signer, able) in signers() {
        for &algorithm in able {
            let builders = match signer {
                Signer::Secret(secret) => vec![JwtVerifier::from_secret(secret)],
                _ => vec![JwtVerifier::from_public_key(signer.pem())],
            };
            let server = KeyServer::start(&[signer.named("a"), with(signer.named("b"), "use", "enc")]).await;
            let of_set = JwtVerifier::from_jwks(server.url()).algorithms([algorithm]);
            let sets = (!matches!(signer, Signer::Secret(_))).then_some(of_set);
            for builder in builders.into_iter().chain(sets) {
                let app = greeting(&builder.algorithms([algorithm]).build().unwrap()).await;
                for kid in [Some("a"), None] {
                    let token = signer.issue(algorithm.name(), kid, &claims());
                    assert_eq!(seen(&get_as(app.address, &token, "/").await), HELLO, "{algorithm}");
                    let (text, _) = token.rsplit_once('.').unwrap();
                    let another = signer.issue(algorithm.name(), kid, &with(claims(), "sub", "bob"));
                    let (_, signature) = another.rsplit_once('.').unwrap();
                    let mixed = format!("{text}.{signature}");
                    assert_eq!(seen(&get_as(app.address, &mixed, "/").await), REFUSED, "{algorithm}");
                }
            }
        }
    }
}

#[tokio::test]
async fn key_defaults_to_algorithms_of_its_type() {
    let keys = [(&RSA, "rsa"), (&P256, "p256"), (&P384, "p384"), (&P521, "p521"), (&ED25519, "ed")];
    let server = KeyServer::start(&keys.map(|(signer, kid)| signer.named(kid))).await;
    let set = JwtVerifier::from_jwks(server.url()).build().unwrap();
    for (signer, able) in signers() {
        let alone = match signer {
            Signer::Secret(secret) => JwtVerifier::from_secret(secret),
            _ => JwtVerifier::from_public_key(signer.pem()),
        };
        let alone = alone.build().unwrap();
        for (place, algorithm) in able.iter().enumerate() {
            let token = signer.issue(algorithm.name(), None, &claims());
            let by_set = !matches!(signer, Signer::Secret(_));
            // Secrets may be too short for the longer hashes.
            assert_eq!(alone.user_info(&token).await.is_ok(), by_set || place == 0, "{algorithm} by one key");
            assert_eq!(set.user_info(&token).await.is_ok(), by_set, "{algorithm} by a set");
        }
    }
    // RFC 9864 has a new name for EdDSA.
    let token = ED25519.issue("Ed25519", Some("ed"), &claims());
    assert!(set.user_info(&token).await.is_ok());
}

const WEAK: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDqvs2k8lp2qa3+BzXBt+nOAOkK
8vCcDGvBkLVzrt38eQB5lHp7BIJdUMX8PIdp44Zh8DylHGmS5msoBxY5wOvUQKu+
Cifegiqmrdo7K79DSXYdrKWf4ROHcqc1VgRlaNw5zVqeJ9TX3YZQQ83tiOnjrqmS
KVsAOBYLRNHCfNRYiwIDAQAB
-----END PUBLIC KEY-----
";

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ ABCDEFGHIJKLM";

#[test]
fn invalid_key_fails_at_build() {
    let secret = |len| JwtVerifier::from_secret("x".repeat(len));
    let public = |pem: &str| JwtVerifier::from_public_key(pem);
    let p256 = P256.pem();
    let middle = P256.spki().len() - 1;
    let mut off_curve = P256.spki();
    off_curve[middle] ^= 1;
    for (what, builder, said) in [
        ("an empty secret", secret(0), "has 0 bytes, and HS256 needs at least 32"),
        ("a short secret", secret(31), "has 31 bytes, and HS256 needs at least 32"),
        ("short for HS384", secret(47).algorithms([Algorithm::Hs384]), "HS384 needs at least 48"),
        ("short for HS512", secret(63).algorithms([Algorithm::Hs512]), "HS512 needs at least 64"),
        ("short for one of two", secret(47).algorithms([Algorithm::Hs256, Algorithm::Hs384]), "HS384 needs"),
        (
            "a line feed behind it",
            JwtVerifier::from_secret(format!("{SECRET}\n")),
            "has white space at an end",
        ),
        ("a blank before it", JwtVerifier::from_secret(format!(" {SECRET}")), "has white space at an end"),
        ("a secret for RSA", secret(64).algorithms([Algorithm::Rs256]), "none of the algorithms"),
        ("no algorithm", secret(64).algorithms([]), "none of the algorithms"),
        ("nothing", public(""), "found no PEM"),
        ("a secret as a key", public(SECRET), "found no PEM"),
        ("DER", JwtVerifier::from_public_key(P256.spki()), "found no PEM"),
        ("a private key", public(&pem("PRIVATE KEY", b"x")), "found BEGIN PRIVATE KEY"),
        ("an RSA private key", public(&pem("RSA PRIVATE KEY", b"x")), "found BEGIN RSA PRIVATE KEY"),
        ("an EC private key", public(&pem("EC PRIVATE KEY", b"x")), "found BEGIN EC PRIVATE KEY"),
        ("PKCS #1", public(&pem("RSA PUBLIC KEY", b"x")), "found BEGIN RSA PUBLIC KEY"),
        ("a certificate", public(&pem("CERTIFICATE", b"x")), "found BEGIN CERTIFICATE"),
        // What is no label may be a part of the key.
        ("40 letters", public(&pem(LETTERS, b"x")), &format!("found BEGIN {LETTERS}")),
        ("41 letters", public(&pem(&format!("{LETTERS}X"), b"x")), "found a damaged one"),
        ("41 letters, some small", public(&pem(&format!("{LETTERS}x"), b"x")), "found a damaged one"),
        ("small letters", public(&pem("public key", b"x")), "found a damaged one"),
        ("half a PEM", public(&p256[..p256.len() / 2]), "found a damaged one"),
        ("not base64", public(&p256.replace('M', "*")), "found a damaged one"),
        (
            "not DER",
            public(&pem("PUBLIC KEY", b"not DER")),
            "expected an RSA, P-256, P-384, P-521 or Ed25519 key",
        ),
        ("off the curve", public(&pem("PUBLIC KEY", &off_curve)), "expected an RSA, P-256"),
        ("RSA of 1024 bits", public(WEAK), "RSA key of 2048 to 8192 bits"),
        ("P-256 for RSA", public(&p256).algorithms([Algorithm::Rs256]), "none of the algorithms"),
        ("P-256 for a secret", public(&p256).algorithms([Algorithm::Hs256]), "none of the algorithms"),
        ("P-256 for ES384", public(&p256).algorithms([Algorithm::Es384]), "none of the algorithms"),
    ] {
        let error = builder.build().expect_err(what).to_string();
        assert!(error.contains(said), "{what}: {error}");
        assert!(!error.contains(SECRET), "{error}");
    }
    // As variables and YAML spell it.
    for pem in
        [p256.replace('\n', "\\n"), p256.replace('\n', " "), format!("\"{}\"", p256.replace('\n', "\\r\\n"))]
    {
        assert!(public(&pem).build().is_ok(), "{pem}");
    }
    for (len, algorithm) in [(32, Algorithm::Hs256), (48, Algorithm::Hs384), (64, Algorithm::Hs512)] {
        assert!(secret(len).algorithms([algorithm]).build().is_ok());
    }
}

#[tokio::test]
async fn registered_claims_are_validated() {
    let configure: fn(JwtVerifierBuilder) -> JwtVerifierBuilder = |builder| builder;
    let audience: fn(JwtVerifierBuilder) -> JwtVerifierBuilder = |builder| builder.audience("reports");
    let issuer: fn(JwtVerifierBuilder) -> JwtVerifierBuilder = |builder| builder.issuer("https://login");
    let any: fn(JwtVerifierBuilder) -> JwtVerifierBuilder = |builder| builder.insecure_any_audience();
    let none: fn(JwtVerifierBuilder) -> JwtVerifierBuilder = |builder| builder.audiences([""; 0]);
    let strict: fn(JwtVerifierBuilder) -> JwtVerifierBuilder = |builder| builder.leeway(Duration::ZERO);
    let now = now();
    let without = json!("without");
    for (what, configure, name, value, ok) in [
        ("as they come", configure, "else", json!(1), true),
        ("no exp", configure, "exp", without.clone(), false),
        ("exp as a text", configure, "exp", json!((now + 60).to_string()), false),
        ("exp is null", configure, "exp", Value::Null, false),
        ("expired within the leeway", configure, "exp", json!(now - 25), true),
        ("expired", configure, "exp", json!(now - 31), false),
        ("expired, without leeway", strict, "exp", json!(now - 1), false),
        ("exp with a fraction", configure, "exp", json!(now as f64 + 0.5), true),
        ("exp in the year 9999", configure, "exp", json!(253_402_300_799_u64), true),
        ("exp in milliseconds", configure, "exp", json!((now + 60) * 1000), false),
        ("exp that no date is", configure, "exp", json!(1e300), false),
        ("nbf within the leeway", configure, "nbf", json!(now + 29), true),
        ("nbf in the future", configure, "nbf", json!(now + 40), false),
        ("nbf as a text", configure, "nbf", json!("0"), false),
        ("iat in the future", configure, "iat", json!(now + 40), false),
        ("iat as a text", configure, "iat", json!(now.to_string()), false),
        ("no iat", configure, "iat", without.clone(), true),
        ("no sub", configure, "sub", without.clone(), false),
        ("sub is empty", configure, "sub", json!(""), false),
        ("sub is an object", configure, "sub", json!({"id": "alice"}), false),
        ("sub is a list", configure, "sub", json!(["alice"]), false),
        ("sub is true", configure, "sub", json!(true), false),
        ("no aud", configure, "aud", without.clone(), false),
        ("another aud", configure, "aud", json!("anon"), false),
        ("one aud of several", configure, "aud", json!(["anon", "authenticated"]), true),
        ("no aud among none", configure, "aud", json!([]), false),
        ("aud is a number", configure, "aud", json!(1), false),
        ("aud is an object", configure, "aud", json!({"authenticated": 1}), false),
        ("aud holds a number", configure, "aud", json!(["authenticated", 1]), false),
        ("aud as configured", audience, "aud", json!("reports"), true),
        ("aud as it was before that", audience, "aud", json!("authenticated"), false),
        ("no aud, whatever it is", any, "aud", without.clone(), true),
        ("another aud, whatever it is", any, "aud", json!("anon"), true),
        ("none will do", none, "aud", json!("authenticated"), false),
        ("iss as configured", issuer, "iss", json!("https://login"), true),
        ("no iss", issuer, "iss", without.clone(), false),
        ("another iss", issuer, "iss", json!("https://login/"), false),
        ("a list of iss", issuer, "iss", json!(["https://login"]), false),
        ("iss not configured", configure, "iss", json!(["whatever"]), true),
    ] {
        let builder = JwtVerifier::from_secret(SECRET).clock(Clock::held());
        let app = greeting(&configure(builder).build().unwrap()).await;
        let mut claims = claims();
        if value == without {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        let token = HMAC.issue("HS256", None, &claims);
        let expected = if ok { (200, false) } else { (401, true) };
        for round in ["first", "again"] {
            assert_eq!(ask(&app, &token).await, expected, "{what}, {round}: {claims}");
        }
        let is_expired = seen(&get_as(app.address, &token, "/").await) == EXPIRED;
        assert_eq!(is_expired, !ok && what.starts_with("expired"), "{what}");
    }
}

#[tokio::test]
async fn claims_mapping_may_reject_user() {
    let verifier = JwtVerifier::from_secret(SECRET).map_claims(|claims| {
        if claims.contains_key("blocked") {
            return Err(AuthError::new(ErrorKind::Denied).with_detail("a blocked account"));
        }
        Ok(jwt::default_claims_mapping(claims)?.build())
    });
    let app = greeting(&verifier.build().unwrap()).await;
    assert_eq!(ask(&app, &HMAC.issue("HS256", None, &claims())).await.0, 200);
    let blocked = HMAC.issue("HS256", None, &with(claims(), "blocked", true));
    assert_eq!(ask(&app, &blocked).await.0, 403);

    // Whatever the mapping does with it: a token without sub is rejected.
    let careless = JwtVerifier::from_secret(SECRET).map_claims(|_| Ok(user("somebody").build()));
    let app = greeting(&careless.build().unwrap()).await;
    let mut nobody = claims();
    nobody.as_object_mut().unwrap().remove("sub");
    assert_eq!(ask(&app, &HMAC.issue("HS256", None, &nobody)).await, (401, true));
}

#[tokio::test]
async fn admin_role_is_configurable() {
    let token = HMAC.issue("HS256", None, &with(claims(), "role", "service_role"));
    for (role, admin) in [("admin", false), ("service_role", true)] {
        let verifier = JwtVerifier::from_secret(SECRET).admin_role(role).build().unwrap();
        assert_eq!(verifier.user_info(&token).await.unwrap().is_admin(), admin, "{role}");
    }
}

#[derive(Deserialize)]
struct Session {
    session_id: String,
}

/// A service that answers the session of a token, where there is one.
async fn sessions(layer: AuthLayer) -> App {
    let required = |Claims(session): Claims<Session>| async move { session.session_id };
    let optional = |session: Option<Claims<Session>>| async move {
        session.map_or("none".to_owned(), |Claims(session)| session.session_id)
    };
    let name = |user: CurrentUser| async move { user.username().to_string() };
    let routes =
        Router::new().route("/", get(required)).route("/maybe", get(optional)).route("/me", get(name));
    serve(routes.layer(layer)).await
}

#[tokio::test]
async fn tokens_go_to_jwt_and_access_keys_to_client() {
    let center = AuthCenter::start().await;
    center.add_user(user("alice"));
    center.add_token("alice-token", "alice");
    center.add_access_key("ak_alice", TestKey::user("alice"));
    let verifier = JwtVerifier::from_secret(SECRET).build().unwrap();
    let client = support::client(&center);
    let token = HMAC.issue("HS256", None, &with(claims(), "sub", "bob"));

    let both = sessions(AuthLayer::new(verifier.clone()).with_access_keys(client)).await;
    assert_eq!(get_as(both.address, &token, "/me").await.body, "bob");
    assert_eq!(get_as(both.address, "ak_alice", "/me").await.body, "alice");
    assert_eq!(get_as(both.address, "ak_unknown", "/me").await.status, 401);
    assert_eq!(seen(&get_as(both.address, "alice-token", "/me").await), REFUSED);
    assert_eq!(center.calls("/user/info"), 0, "no token is shown to the center");
    assert_eq!(support::get(both.address, "/me", &[]).await.header("www-authenticate"), Some("Bearer"));

    let alone = sessions(AuthLayer::new(verifier)).await;
    assert_eq!(get_as(alone.address, &token, "/me").await.body, "bob");
    assert_eq!(seen(&get_as(alone.address, "ak_alice", "/me").await), REFUSED);
    assert_eq!(center.calls("/access-key/verify"), 2);
}

#[tokio::test]
async fn claims_extractor_answers_by_credential() {
    let center = AuthCenter::start().await;
    center.add_user(user("alice"));
    center.add_token("alice-token", "alice");
    center.add_access_key("ak_alice", TestKey::user("alice"));
    let client = || support::client(&center);
    let verifier = JwtVerifier::from_secret(SECRET).build().unwrap();
    let layer = || AuthLayer::new(verifier.clone()).with_access_keys(client());
    let jwt = sessions(layer().allow_anonymous()).await;
    let strict = sessions(layer()).await;
    let other = sessions(AuthLayer::new(client())).await;

    let good = HMAC.issue("HS256", None, &with(claims(), "session_id", "s-1"));
    let none = HMAC.issue("HS256", None, &claims());
    let odd = HMAC.issue("HS256", None, &with(claims(), "session_id", json!(["sesame"])));
    for (what, app, credential, required, optional) in [
        ("a token", &jwt, Some(&*good), (200, "s-1"), (200, "s-1")),
        ("no such claim", &jwt, Some(&none), (403, ""), (403, "")),
        ("of another type", &jwt, Some(&odd), (403, ""), (403, "")),
        ("an access key", &jwt, Some("ak_alice"), (403, ""), (200, "none")),
        ("nothing", &jwt, None, (401, ""), (200, "none")),
        ("nothing, and not allowed", &strict, None, (401, ""), (401, "")),
        ("a bad token", &jwt, Some("bad"), (401, ""), (401, "")),
        ("the center's token", &other, Some("alice-token"), (500, ""), (500, "")),
        ("the center's access key", &other, Some("ak_alice"), (403, ""), (200, "none")),
    ] {
        for (path, (status, body)) in [("/", required), ("/maybe", optional)] {
            let answer = match credential {
                Some(credential) => get_as(app.address, credential, path).await,
                None => support::get(app.address, path, &[]).await,
            };
            assert_eq!(answer.status, status, "{what} at {path}: {answer:?}");
            assert!(body.is_empty() || answer.body == body, "{what} at {path}: {answer:?}");
        }
    }
    let session: Session = verifier.claims(&good).await.unwrap();
    assert_eq!(session.session_id, "s-1");
    let refused = verifier.claims::<Session>(&none).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    let shown = verifier.claims::<Session>(&odd).await.err().unwrap().to_string();
    assert!(shown.contains("Session") && !shown.contains("sesame"), "{shown}");
}
