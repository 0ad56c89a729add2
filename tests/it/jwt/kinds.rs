//! Tokens that are no access tokens, and what is said of rejected ones.

use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{Algorithm, ClaimsMapping, JwtVerifier, JwtVerifierBuilder, TokenKind};
use aigc_auth::testing::Clock;
use serde_json::{Value, json};

use crate::jwt::support::{HMAC, KeyServer, P256, RSA, SECRET, claims, greeting, now, pass, with};
use crate::support::{Log, get_as};

fn verifier() -> JwtVerifierBuilder {
    JwtVerifier::from_secret(SECRET)
}

/// A token with this header and these claims besides the usual ones.
fn token(header: Value, more: &Value) -> String {
    let mut header = header;
    header["alg"] = "HS256".into();
    let mut claims = claims();
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    HMAC.token("HS256", header.to_string(), claims.to_string())
}

async fn rejection(builder: JwtVerifierBuilder, token: &str) -> Option<String> {
    let error = builder.build().unwrap().user_info(token).await.err()?;
    assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{error}");
    Some(error.detail().unwrap().to_owned())
}

/// One issuer signs all of these with one key; each is told by the name that one issuer or another gives it.
#[tokio::test]
async fn tokens_that_are_no_access_tokens_are_rejected_unless_accepted() {
    use TokenKind::*;
    let bound = json!({"cnf": {"jkt": "x"}});
    for (kind, header, more) in [
        (Refresh, json!({}), json!({"token_type": "refresh"})),
        (Refresh, json!({"typ": "JWT"}), json!({"typ": "Refresh"})),
        (Id, json!({"typ": "JWT"}), json!({"token_use": "id"})),
        (Logout, json!({"typ": "logout+jwt"}), json!({})),
        (DpopProof, json!({"typ": "dpop+jwt"}), json!({})),
        (SecurityEvent, json!({"typ": "secevent+jwt"}), json!({})),
        (KeyBound, json!({"typ": "at+jwt"}), bound),
    ] {
        let token = token(header, &more);
        let said = rejection(verifier(), &token).await.expect("a rejection");
        assert!(said.contains(&kind.to_string()) && said.contains(&format!("{kind:?}")), "{said}");
        for other in [Refresh, Id, Logout, DpopProof, SecurityEvent, KeyBound] {
            let accepts = rejection(verifier().accept_kind(other), &token).await.is_none();
            assert_eq!(accepts, kind == other, "{kind:?} where {other:?} are accepted");
        }
    }
    assert_eq!(rejection(verifier(), &token(json!({"typ": "JWT"}), &json!({"typ": "Bearer"}))).await, None);
}

#[tokio::test]
async fn typ_and_claims_can_be_required() {
    let strict =
        || verifier().typ("application/at+JWT").require_claim("client_id", "app").require_claim("v", 2);
    let (header, good) = (json!({"typ": "AT+jwt"}), json!({"client_id": "app", "v": 2}));
    assert_eq!(rejection(strict(), &token(header.clone(), &good)).await, None);
    for (header, more, said) in [
        (json!({}), good.clone(), "expected `typ` `at+jwt` in the JWT header, found none"),
        (json!({"typ": "JWT"}), good.clone(), "expected `typ` `at+jwt` in the JWT header, found `JWT`"),
        (json!({"typ": 7}), good.clone(), "found none"),
        (header.clone(), json!({"v": 2}), "missing `client_id` claim: it is required to be \"app\""),
        (
            header.clone(),
            json!({"client_id": "other", "v": 2}),
            "expected the claim `client_id` to be \"app\", found `\\\"other\\\"`",
        ),
        (header.clone(), json!({"client_id": ["app"], "v": 2}), "expected the claim `client_id`"),
        (header, json!({"client_id": "app", "v": "2"}), "expected the claim `v` to be 2"),
    ] {
        let found = rejection(strict(), &token(header, &more)).await.expect(said);
        assert!(found.contains(said), "{found}");
    }
}

#[tokio::test]
async fn user_is_mapped_from_header_and_claims() {
    let verifier = verifier()
        .subject_claim("user_id")
        .map_token(|header, claims| {
            let company = header["kid"].as_str().unwrap_or_default();
            Ok(ClaimsMapping::new().subject_claim("user_id").map(claims)?.company(company).build())
        })
        .build()
        .unwrap();
    let user = verifier.user_info(&token(json!({"kid": "of-2026"}), &json!({"user_id": 7}))).await.unwrap();
    assert_eq!((user.id(), user.company()), (&7.into(), Some("of-2026")));
    // The id is checked before, wherever it is.
    let error = verifier.user_info(&token(json!({}), &json!({"user_id": ""}))).await.unwrap_err();
    assert!(error.detail().unwrap().contains("malformed `user_id` claim"), "{error}");
}

/// Each reason has its own text, with what was expected and what was found.
#[tokio::test]
async fn every_rejection_has_its_reason() {
    let server = KeyServer::start(&[P256.named("a"), with(RSA.named("r"), "use", "enc")]).await;
    let (of_set, _) = server.verifier(|builder| builder);
    let issuer = verifier().issuer("https://login.example/").build().unwrap();
    let plain = verifier().build().unwrap();
    let of = |claims: Value| HMAC.issue("HS256", None, &claims);
    let five = "a.b.c.d.e".to_owned();
    for (verifier, token, kind, said) in [
        (&plain, of(with(claims(), "exp", now() - 60)), ErrorKind::Expired, "the token has expired 6"),
        (
            &plain,
            of(with(claims(), "nbf", now() + 600)),
            ErrorKind::InvalidCredential,
            "ahead of this clock, and 30 s are tolerated (`leeway`)",
        ),
        (
            &plain,
            of(with(claims(), "aud", json!(["anon", "x\ny"]))),
            ErrorKind::InvalidCredential,
            "expected `authenticated`, found `anon`, `x\\ny`",
        ),
        (
            &issuer,
            of(with(claims(), "iss", "https://login.example")),
            ErrorKind::InvalidCredential,
            "expected `https://login.example/`, found `https://login.example`; they differ by a slash at the end",
        ),
        (&plain, of(with(claims(), "sub", "")), ErrorKind::InvalidCredential, "expected a non-empty string"),
        (&plain, five, ErrorKind::InvalidCredential, "encrypted JWT (JWE)"),
        (&plain, "opaque".to_owned(), ErrorKind::InvalidCredential, "opaque token, not a JWT"),
        (
            &plain,
            HMAC.issue("HS384", None, &claims()),
            ErrorKind::InvalidCredential,
            "the JWT is signed with HS384, and its key is for HS256",
        ),
        (
            &plain,
            HMAC.issue("none", None, &claims()),
            ErrorKind::InvalidCredential,
            "unsupported `alg` in the JWT header: `none`",
        ),
        (&of_set, of(claims()), ErrorKind::InvalidCredential, "`JwtVerifier::from_secret`"),
        (
            &of_set,
            RSA.issue("RS256", Some("r"), &claims()),
            ErrorKind::InvalidCredential,
            "the key `r` of the key set is not used: `use` is \"enc\", not \"sig\"",
        ),
        (
            &of_set,
            P256.issue("RS256", Some("a"), &claims()),
            ErrorKind::InvalidCredential,
            "the key `a` of the key set is for ES256, and the JWT is signed with RS256",
        ),
    ] {
        let error = verifier.user_info(&token).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{said}: {error}");
        assert!(error.detail().unwrap().contains(said), "{said}: {error}");
    }
    let (of_set, _) = server.verifier(|builder| builder.algorithms([Algorithm::Es256]));
    let error = of_set.user_info(&P256.issue("ES256", Some("b"), &claims())).await.unwrap_err();
    assert!(error.detail().unwrap().contains("unknown `kid` `b`"), "{error}");
}

/// A service that refuses everybody says why, and not once for each of them.
#[tokio::test]
async fn each_reason_is_logged_once_in_10_s() {
    let clock = Clock::held();
    let app = greeting(&verifier().clock(clock.clone()).build().unwrap()).await;
    let bad: Vec<_> = [("aud", json!("anon")), ("nbf", json!(now() + 600)), ("exp", json!(now() - 60))]
        .into_iter()
        .map(|(name, value)| HMAC.issue("HS256", None, &with(claims(), name, value)))
        .collect();
    for seconds in [0, 9, 1] {
        pass(&clock, seconds);
        let log = Log::start();
        for token in bad.iter().cycle().take(30) {
            assert_eq!(get_as(app.address, token, "/").await.status, 401);
        }
        let shown = log.take();
        for (level, reason) in [("WARN", "Audience"), ("WARN", "NotYetValid"), ("INFO", "Expired")] {
            let lines = shown.lines().filter(|line| line.contains(level) && line.contains(reason));
            assert_eq!(lines.count(), usize::from(seconds != 9), "{reason}, {seconds} s later: {shown}");
        }
        assert!(!shown.contains(SECRET));
    }
}
