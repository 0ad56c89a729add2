//! JWTs of known issuers are verified here, and all other tokens by another verifier.

use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::error::ErrorKind::InvalidCredential;
use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::jwt::{ByIssuer, JwtVerifier};
use aigc_auth::{AuthLayer, CurrentUser, Verify};
use axum::Router;
use axum::routing::get;
use serde_json::json;

use crate::jwt::support::{HMAC, KeyServer, P256, SECRET, Signer, base64url, claims, with};
use crate::support::{self, client, serve, verdict};
use crate::verifiers::support::{Say, Scripted, kind, token};

const ISSUER: &str = "https://login.example.com";

fn jwts() -> JwtVerifier {
    JwtVerifier::from_secret(SECRET).issuer(ISSUER).build().unwrap()
}

#[tokio::test]
async fn each_token_has_one_verifier() {
    let ours = with(claims(), "iss", ISSUER);
    let good = HMAC.issue("HS256", None, &ours);
    let (head, _) = good.rsplit_once('.').unwrap();
    let none = format!("{}.{}.", base64url(r#"{"alg":"none"}"#), base64url(ours.to_string()));
    let crit = HMAC.token("HS256", r#"{"alg":"HS256","crit":["x"]}"#, ours.to_string());
    for (what, text, is_other, expected) in [
        ("ours", good.clone(), false, None),
        (
            "ours, forged",
            Signer::secret("x".repeat(40)).issue("HS256", None, &ours),
            false,
            Some(InvalidCredential),
        ),
        ("ours, cut", format!("{head}.AAAA"), false, Some(InvalidCredential)),
        ("ours, unsigned", none, false, Some(InvalidCredential)),
        ("ours, with an extension", crit, false, Some(InvalidCredential)),
        (
            "another audience",
            HMAC.issue("HS256", None, &with(ours.clone(), "aud", "x")),
            false,
            Some(InvalidCredential),
        ),
        ("another issuer", HMAC.issue("HS256", None, &with(claims(), "iss", "https://other")), true, None),
        ("no issuer", HMAC.issue("HS256", None, &claims()), true, None),
        (
            "an issuer that is no text",
            HMAC.issue("HS256", None, &with(claims(), "iss", json!([ISSUER]))),
            true,
            None,
        ),
        ("opaque", "2YotnFZFEjr1zCsicMWpAA".into(), true, None),
        ("opaque with dots", "v2.local.opaque".into(), true, None),
        ("encrypted", "e30.e30.e30.e30.e30".into(), true, None),
        ("ours, a segment too few", head.to_owned(), true, None),
        ("ours, a segment too many", format!("{good}.AAAA"), true, None),
    ] {
        let other = Scripted::new(Say::Accept);
        let verifier = ByIssuer::new(jwts(), other.clone());
        let outcome = match verifier.try_verify(&token(&text)) {
            Some(outcome) => outcome,
            None => verifier.verify(token(&text)).await,
        };
        assert_eq!(kind(&outcome), expected, "{what}");
        assert_eq!(other.asked(), usize::from(is_other), "{what}");
        // What the other rejects is not tried here, nor the other way round.
        other.say(InvalidCredential);
        let again = kind(&verifier.verify(token(&text)).await);
        assert_eq!(again, if is_other { Some(InvalidCredential) } else { expected }, "{what}");
        assert_eq!(other.asked(), 2 * usize::from(is_other), "{what}");
    }
}

#[tokio::test]
async fn verifier_without_issuer_takes_all_jwts() {
    let other = Scripted::new(Say::Accept);
    let verifier = ByIssuer::new(JwtVerifier::from_secret(SECRET).build().unwrap(), other.clone());
    for (text, asked) in [
        (HMAC.issue("HS256", None, &claims()), 0),
        (HMAC.issue("HS256", None, &with(claims(), "iss", "https://other")), 0),
        ("opaque".to_owned(), 1),
    ] {
        assert!(verifier.verify(token(&text)).await.is_ok(), "{text}");
        assert_eq!(other.asked(), asked, "{text}");
    }
}

#[tokio::test]
async fn keys_that_are_fetched_first_delay_no_opaque_token() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    let jwts = JwtVerifier::from_jwks(server.url()).issuer(ISSUER).build().unwrap();
    let other = Scripted::new(Say::Accept);
    let verifier = ByIssuer::new(jwts, other.clone());
    assert!(verifier.verify(token("opaque")).await.is_ok());
    assert_eq!((server.requests(), other.asked()), (0, 1));
    let jwt = token(&P256.issue("ES256", Some("a"), &with(claims(), "iss", ISSUER)));
    assert!(verifier.try_verify(&jwt).is_none());
    assert!(verifier.verify(jwt.clone()).await.is_ok());
    assert!(verifier.try_verify(&jwt).unwrap().is_ok(), "cached");
    assert_eq!((server.requests(), other.asked()), (1, 1));
}

#[tokio::test]
async fn jwts_beside_the_auth_center() {
    let center = support::center().await;
    let auth = ByIssuer::new(jwts(), client(&center));
    let greet = |user: CurrentUser| async move { user.username().to_owned() };
    let app = serve(Router::new().route("/", get(greet)).layer(AuthLayer::new(auth.clone()))).await;
    center.add_token("opaque", "alice");
    center.clear_requests();
    let jwt = HMAC.issue("HS256", None, &with(with(claims(), "iss", ISSUER), "preferred_username", "bob"));
    for _ in 0..2 {
        for (credential, expected) in [("opaque", Ok("alice")), (&*jwt, Ok("bob")), ("unknown", Err(401))] {
            let credential = format!("Bearer {credential}");
            let answer = support::get(app.address, "/", &[("authorization", &*credential)]).await;
            assert_eq!(verdict(&answer), expected, "{credential}");
        }
    }
    assert_eq!(center.calls("/user/info"), 2, "each opaque token once");
    auth.apply(&Invalidation::All);
    assert!(auth.try_verify(&token("opaque")).is_none(), "invalidated");
}

#[test]
fn everything_else_is_the_other_verifiers() {
    let verifier = ByIssuer::new(jwts(), Scripted::new(Say::Accept));
    for (app_id, directory) in [
        (Verify::<BearerToken>::app_id(&verifier), Verify::<BearerToken>::directory(&verifier)),
        (Verify::<AccessKey>::app_id(&verifier), Verify::<AccessKey>::directory(&verifier)),
    ] {
        assert_eq!((app_id.as_deref(), directory.is_some()), (Some("scripted"), true));
    }
}
