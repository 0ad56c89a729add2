//! What is said of rejected tokens, in the error and in the log.

use std::collections::BTreeSet;

use aigc_auth::error::ErrorKind::{self, Expired, InvalidCredential, Unavailable};
use aigc_auth::jwt::{Algorithm, JwtVerifier, JwtVerifierBuilder};
use aigc_auth::testing::Clock;
use serde_json::{Value, json};

use crate::jwt::support::{
    ED25519, HMAC, KeyServer, P256, RSA, SECRET, Signer, base64url, claims, greeting, now, pass, with,
};
use crate::support::{Log, get_as};

fn verifier() -> JwtVerifierBuilder {
    JwtVerifier::from_secret(SECRET)
}

/// Each reason has its own text, with what was expected and what was found.
#[tokio::test]
async fn every_rejection_has_its_reason() {
    let five: Vec<_> = (0..5).map(|n| P256.named(&format!("of five {n}"))).collect();
    let server = KeyServer::start(&[P256.named("a"), with(RSA.named("r"), "use", "enc")]).await;
    let [many, document, moved] =
        [KeyServer::start(&five).await, KeyServer::start(&[]).await, KeyServer::start(&[]).await];
    document.say("200 OK", "", json!({"issuer": "x", "jwks_uri": "https://login.example/keys"}).to_string());
    moved.say("302 Found", "location: https://login.example/keys\r\n", "");
    let of_set = || server.verifier(|builder| builder).0;
    let new_keys = || server.verifier(|builder| builder.algorithms([Algorithm::Es256])).0;
    let plain = || verifier().build().unwrap();
    let issuer = || verifier().issuer("https://login.example/").build().unwrap();
    let one = || of_set_for(&server, "https://one");
    let of = |claims: Value| HMAC.issue("HS256", None, &claims);
    let has = |name: &str, value: Value| of(with(claims(), name, value));
    let lacks = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        of(claims)
    };
    let under = |header: Value| HMAC.token("HS256", header.to_string(), claims().to_string());
    let raw = |header: &str, payload: &str| HMAC.seal("HS256", &format!("{header}.{payload}"));
    let good_header = base64url(r#"{"alg":"HS256"}"#);
    let rows: Vec<(JwtVerifier, String, ErrorKind, &str)> = vec![
        // When.
        (plain(), has("exp", json!(now() - 60)), Expired, "the token has expired 6"),
        (
            plain(),
            lacks("exp"),
            InvalidCredential,
            "missing `exp` claim: expected the date when the token ends",
        ),
        (
            plain(),
            has("exp", json!((now() + 60).to_string())),
            InvalidCredential,
            "malformed `exp` claim: expected a number of seconds since 1970, found a string",
        ),
        (
            plain(),
            has("exp", json!((now() + 60) * 1_000)),
            InvalidCredential,
            "is after the year 9999; expected seconds since 1970, and milliseconds are a thousand times as many",
        ),
        (
            plain(),
            has("nbf", json!(now() + 600)),
            InvalidCredential,
            "s ahead of this clock, and 30 s are tolerated (`leeway`)",
        ),
        (plain(), has("iat", json!(now() + 600)), InvalidCredential, "was issued in the future: `iat` is "),
        // For whom, and of whom.
        (
            plain(),
            has("aud", json!(["anon", "x\ny"])),
            InvalidCredential,
            "the token is for another audience (`aud`): expected `authenticated`, found `anon`, `x\\ny`",
        ),
        (
            plain(),
            has("aud", json!([])),
            InvalidCredential,
            "audience (`aud`): expected `authenticated`, found none",
        ),
        (plain(), lacks("aud"), InvalidCredential, "missing `aud` claim: expected `authenticated`"),
        (
            plain(),
            has("aud", json!(7)),
            InvalidCredential,
            "malformed `aud` claim: expected a string or an array of strings, found a number",
        ),
        (
            plain(),
            has("aud", json!({"authenticated": true})),
            InvalidCredential,
            "malformed `aud` claim: expected a string or an array of strings, found an object",
        ),
        (
            plain(),
            has("aud", json!(["authenticated", 7])),
            InvalidCredential,
            "expected a string or an array of strings, found a number in an array",
        ),
        (
            issuer(),
            has("iss", json!("https://login.example")),
            InvalidCredential,
            "the token is of another issuer (`iss`): expected `https://login.example/`, found `https://login.example`; they \
             differ by a slash at the end",
        ),
        (
            issuer(),
            has("iss", json!("https://other.example")),
            InvalidCredential,
            "of another issuer (`iss`): expected `https://login.example/`, found `https://other.example`",
        ),
        (issuer(), lacks("iss"), InvalidCredential, "missing `iss` claim: expected `https://login.example/`"),
        (
            issuer(),
            has("iss", json!([])),
            InvalidCredential,
            "malformed `iss` claim: expected a string, found an array",
        ),
        (
            one(),
            has("iss", json!("https://two")),
            InvalidCredential,
            "no source of keys is for: expected `https://one`, found `https://two`",
        ),
        (
            plain(),
            lacks("sub"),
            InvalidCredential,
            "missing `sub` claim, the user's id; `subject_claim` names another",
        ),
        (
            plain(),
            has("sub", json!("")),
            InvalidCredential,
            "malformed `sub` claim: expected a non-empty string or an integer, found an empty string",
        ),
        (
            plain(),
            has("sub", json!([])),
            InvalidCredential,
            "a non-empty string or an integer, found an array",
        ),
        (
            plain(),
            has("sub", json!(1.5)),
            InvalidCredential,
            "expected an integer of at most 64 bits, found another number",
        ),
        // Of which kind.
        (
            plain(),
            has("type", json!("refresh")),
            InvalidCredential,
            "expected an access token: by its `type`, the token says that it is a refresh token",
        ),
        (
            plain(),
            has("at_hash", json!("x")),
            InvalidCredential,
            "by its `at_hash`, the token says that it is an ID token",
        ),
        (
            verifier().typ("at+jwt").build().unwrap(),
            of(claims()),
            InvalidCredential,
            "expected `typ` `at+jwt` in the JWT header, found `JWT`",
        ),
        (
            verifier().require_claim("azp", "web").build().unwrap(),
            has("azp", json!("app")),
            InvalidCredential,
            "expected the claim `azp` to be \"web\", found `\"app\"`",
        ),
        (
            verifier().require_claim("azp", "web").build().unwrap(),
            of(claims()),
            InvalidCredential,
            "missing `azp` claim: it is required to be \"web\"",
        ),
        (
            verifier().require_present("jti").build().unwrap(),
            of(claims()),
            InvalidCredential,
            "missing `jti` claim: it is required",
        ),
        // Of which shape.
        (
            plain(),
            "a.b.c.d.e".to_owned(),
            InvalidCredential,
            "encrypted JWT (JWE): expected three segments, found five",
        ),
        (
            plain(),
            "opaque".to_owned(),
            InvalidCredential,
            "opaque token, not a JWT: expected three segments, found no dot",
        ),
        (plain(), "a.b".to_owned(), InvalidCredential, "malformed JWT: expected three segments, found 2"),
        (plain(), raw("e", "e30"), InvalidCredential, "malformed JWT header: expected base64url"),
        (plain(), raw("W10", "e30"), InvalidCredential, "malformed JWT header: expected a JSON object"),
        (plain(), raw(&good_header, "e"), InvalidCredential, "malformed JWT payload: expected base64url"),
        (
            plain(),
            raw(&good_header, "W10"),
            InvalidCredential,
            "malformed JWT payload: expected a JSON object",
        ),
        (
            plain(),
            format!("{good_header}.e30.e"),
            InvalidCredential,
            "malformed JWT signature: expected base64url",
        ),
        (
            plain(),
            under(json!({"alg": "HS256", "crit": ["b64"]})),
            InvalidCredential,
            "unsupported `crit` extension in the JWT header: expected none, found `[\"b64\"]`",
        ),
        (
            plain(),
            under(json!({"alg": "HS256", "kid": 7})),
            InvalidCredential,
            "malformed `kid` in the JWT header: expected a string, found a number",
        ),
        // By which key.
        (
            plain(),
            HMAC.issue("none", None, &claims()),
            InvalidCredential,
            "unsupported `alg` in the JWT header: expected one of `jwt::Algorithm`, found `none`",
        ),
        (
            plain(),
            HMAC.issue("HS384", None, &claims()),
            InvalidCredential,
            "the JWT is signed with HS384, and its key is for HS256; `algorithms` configures others",
        ),
        (
            plain(),
            RSA.issue("RS256", None, &claims()),
            InvalidCredential,
            "signed with RS256, and its key is for HS256; public keys are configured by `JwtVerifier::from_jwks`, `from_issuer` or",
        ),
        (
            JwtVerifier::from_public_key(P256.pem()).build().unwrap(),
            of(claims()),
            InvalidCredential,
            "signed with HS256, and its key is for ES256; a shared secret is configured by `JwtVerifier::from_secret`",
        ),
        (
            plain(),
            Signer::secret("another").issue("HS256", None, &claims()),
            InvalidCredential,
            "invalid JWT signature: expected HS256 by a key of this verifier, found another key's, or a changed token",
        ),
        (
            of_set(),
            ED25519.issue("ES256", Some("a"), &claims()),
            InvalidCredential,
            "invalid JWT signature: expected ES256 by a key of this verifier, found another key's (its `kid` is `a`)",
        ),
        (
            of_set(),
            of(claims()),
            InvalidCredential,
            "the JWT is signed with HS256, by a shared secret, and a key set has public keys: such tokens are verified by \
             `JwtVerifier::from_secret`",
        ),
        (
            of_set(),
            RSA.issue("RS256", Some("r"), &claims()),
            InvalidCredential,
            "the key `r` of the key set is not used: `use` is \"enc\", not \"sig\"",
        ),
        (
            of_set(),
            P256.issue("RS256", Some("a"), &claims()),
            InvalidCredential,
            "the key `a` of the key set is for ES256, and the JWT is signed with RS256",
        ),
        (
            of_set(),
            ED25519.issue("EdDSA", None, &claims()),
            InvalidCredential,
            "no key of the key set is for EdDSA, by which the JWT is signed",
        ),
        (
            of_set(),
            RSA.issue("PS256", Some("b"), &claims()),
            InvalidCredential,
            "no key of the key set is for PS256, by which the JWT is signed",
        ),
        (
            new_keys(),
            P256.issue("ES256", Some("b"), &claims()),
            InvalidCredential,
            "unknown `kid` `b`: no key of the key set has it",
        ),
        (
            many.verifier(|builder| builder).0,
            P256.issue("ES256", None, &claims()),
            InvalidCredential,
            "5 keys of the key set fit the JWT, which does not say by a `kid` which one signed it; at most 4 are tried",
        ),
        (
            plain_beside_set(&server),
            RSA.issue("PS512", None, &claims()),
            InvalidCredential,
            "the JWT is signed with PS512, which no source of keys for its issuer (`iss`: none) takes",
        ),
        // Where keys are.
        (
            document.verifier(|builder| builder).0,
            P256.issue("ES256", Some("a"), &claims()),
            Unavailable,
            "response is a discovery document, not a JWK set: use `JwtVerifier::from_issuer`",
        ),
        (
            moved.verifier(|builder| builder).0,
            P256.issue("ES256", Some("a"), &claims()),
            Unavailable,
            "the response is a redirect, 302 Found, and none is followed: configure the URL that it leads to",
        ),
    ];
    let mut texts = BTreeSet::new();
    for (verifier, token, kind, said) in rows {
        let error = verifier.user_info(&token).await.expect_err(said);
        assert_eq!(error.kind(), kind, "{said}: {error}");
        let detail = error.detail().unwrap();
        assert!(detail.contains(said), "{said}: {error}");
        assert!(texts.insert(detail.to_owned()), "{detail}: said of two things");
    }
}

/// Of one issuer, beside a secret for another.
fn of_set_for(server: &KeyServer, issuer: &str) -> JwtVerifier {
    let set = JwtVerifier::from_jwks(server.url()).issuer(issuer);
    set.also_accept(verifier().issuer(issuer)).build().unwrap()
}

fn plain_beside_set(server: &KeyServer) -> JwtVerifier {
    let set = JwtVerifier::from_jwks(server.url()).algorithms([Algorithm::Es256]);
    verifier().also_accept(set).build().unwrap()
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
