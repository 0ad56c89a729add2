//! Several sources of keys in one verifier: two secrets, a secret beside a key set, several issuers.

use aigc_auth::credential::BearerToken;
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{Algorithm, JwtVerifier, JwtVerifierBuilder};
use aigc_auth::{AuthError, Verify};
use serde_json::Value;

use crate::jwt::support::{ANOTHER_P256, ED25519, HMAC, KeyServer, P256, RSA, SECRET, Signer, claims, with};

const NEW_SECRET: &str = "the secret that follows, of 32 and more characters";

fn of(issuer: &str) -> Value {
    with(claims(), "iss", issuer)
}

async fn outcome(verifier: &JwtVerifier, token: &str) -> Result<String, (ErrorKind, String)> {
    match verifier.user_info(token).await {
        Ok(user) => Ok(user.id().to_string()),
        Err(error) => Err((error.kind(), error.detail().unwrap_or_default().to_owned())),
    }
}

fn rejected(said: &str, outcome: &Result<String, (ErrorKind, String)>) -> bool {
    matches!(outcome, Err((ErrorKind::InvalidCredential, detail)) if detail.contains(said))
}

#[tokio::test]
async fn second_secret_is_accepted_while_the_first_is_replaced() {
    let verifier =
        JwtVerifier::from_secret(NEW_SECRET).also_accept(JwtVerifier::from_secret(SECRET)).build().unwrap();
    for signer in [&HMAC as &Signer, &Signer::secret(NEW_SECRET)] {
        let token = signer.issue("HS256", None, &claims());
        assert_eq!(outcome(&verifier, &token).await, Ok("alice".to_owned()));
        let token = signer.issue("HS256", None, &with(claims(), "aud", "anon"));
        assert!(rejected("another audience", &outcome(&verifier, &token).await));
    }
    let forged = Signer::secret("a secret that nobody has configured").issue("HS256", None, &claims());
    assert!(rejected("invalid JWT signature", &outcome(&verifier, &forged).await));
}

/// As Supabase's projects move from a shared secret to ES256.
#[tokio::test]
async fn secret_beside_key_set_takes_no_algorithm_of_the_other() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    let verifier = JwtVerifier::from_jwks(server.url())
        .also_accept(JwtVerifier::from_secret(SECRET).audience("old"))
        .build()
        .unwrap();
    let old = HMAC.issue("HS256", None, &with(claims(), "aud", "old"));
    assert_eq!(outcome(&verifier, &old).await, Ok("alice".to_owned()));
    assert_eq!(server.requests(), 0, "a token of the secret waits for no key set");
    let new = P256.issue("ES256", Some("a"), &claims());
    assert_eq!(outcome(&verifier, &new).await, Ok("alice".to_owned()));
    // Each has its own audience.
    let wrong = P256.issue("ES256", Some("a"), &with(claims(), "aud", "old"));
    assert!(rejected("expected `authenticated`, found `old`", &outcome(&verifier, &wrong).await));
    // CVE-2015-9235, by the key of one source as the secret of the other.
    for secret in [P256.pem().into_bytes(), P256.spki(), P256.jwk().to_string().into_bytes()] {
        let forged = Signer::secret(secret).issue("HS256", Some("a"), &with(claims(), "aud", "old"));
        assert!(rejected("invalid JWT signature", &outcome(&verifier, &forged).await));
    }
    let odd = RSA.issue("RS256", Some("a"), &claims());
    assert!(rejected("is for ES256, and the JWT is signed with RS256", &outcome(&verifier, &odd).await));
    assert_eq!(server.requests(), 1);
}

/// Two issuers that have given their keys one name.
#[tokio::test]
async fn issuers_are_told_apart_by_iss() {
    let (one, two) =
        (KeyServer::start(&[P256.named("k")]).await, KeyServer::start(&[ANOTHER_P256.named("k")]).await);
    let verifier = JwtVerifier::from_jwks(one.url())
        .issuer("https://one")
        .also_accept(
            JwtVerifier::from_jwks(two.url()).issuer("https://two").audience("two").subject_claim("uid"),
        )
        .build()
        .unwrap();
    let of_two = with(with(of("https://two"), "aud", "two"), "uid", "bob");
    let of_two = ANOTHER_P256.issue("ES256", Some("k"), &of_two);
    assert_eq!(outcome(&verifier, &of_two).await, Ok("bob".to_owned()));
    assert_eq!((one.requests(), two.requests()), (0, 1), "only its issuer is asked");
    let of_one = P256.issue("ES256", Some("k"), &of("https://one"));
    assert_eq!(outcome(&verifier, &of_one).await, Ok("alice".to_owned()));
    // Neither may speak for the other.
    for (signer, issuer, aud) in
        [(&ANOTHER_P256, "https://one", "authenticated"), (&P256, "https://two", "two")]
    {
        let claims = with(with(of(issuer), "aud", aud), "uid", "bob");
        let forged = signer.issue("ES256", Some("k"), &claims);
        assert!(rejected("invalid JWT signature", &outcome(&verifier, &forged).await), "{issuer}");
    }
    for claims in [of("https://three"), claims()] {
        let token = P256.issue("ES256", Some("k"), &claims);
        assert!(rejected("that no source of keys is for", &outcome(&verifier, &token).await));
    }
    let other_algorithm = HMAC.issue("HS256", None, &of("https://one"));
    assert!(rejected("signed with HS256, which no source", &outcome(&verifier, &other_algorithm).await));
}

/// The old tokens have the new ones' issuer, as they do where an application moves from its secret to keys.
#[tokio::test]
async fn secret_is_asked_for_an_issuer_of_the_key_set_only_if_it_names_it() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    let moving = |old: JwtVerifierBuilder| {
        JwtVerifier::from_jwks(server.url()).issuer("https://one").also_accept(old).build().unwrap()
    };
    let old = HMAC.issue("HS256", None, &of("https://one"));
    let found = outcome(&moving(JwtVerifier::from_secret(SECRET)), &old).await;
    let said =
        "no source of keys for its issuer (`iss`: `https://one`) takes; a source without `issuer` takes it";
    assert!(rejected(said, &found), "{found:?}");
    let named = moving(JwtVerifier::from_secret(SECRET).issuer("https://one"));
    assert_eq!(outcome(&named, &old).await, Ok("alice".to_owned()));
    // Without one, it takes the tokens of no issuer.
    let found =
        outcome(&moving(JwtVerifier::from_secret(SECRET)), &HMAC.issue("HS256", None, &claims())).await;
    assert_eq!(found, Ok("alice".to_owned()));
}

/// Two sets that have given their keys one name, and nothing else that tells them apart: each signs for itself.
#[tokio::test]
async fn sources_that_share_a_kid_are_both_tried() {
    let (one, two) =
        (KeyServer::start(&[P256.named("k")]).await, KeyServer::start(&[ANOTHER_P256.named("k")]).await);
    let of_two = JwtVerifier::from_jwks(two.url()).audience("two").subject_claim("uid");
    let verifier = JwtVerifier::from_jwks(one.url()).also_accept(of_two).build().unwrap();
    let claims = with(claims(), "uid", "bob");
    for (signer, aud, expected) in [
        (&P256, "authenticated", Ok("alice")),
        (&ANOTHER_P256, "two", Ok("bob")),
        (&P256, "two", Err("expected `authenticated`, found `two`")),
        (&ANOTHER_P256, "authenticated", Err("expected `two`, found `authenticated`")),
        (&ED25519, "two", Err("is for ES256, and the JWT is signed with EdDSA")),
    ] {
        let alg = if std::ptr::eq(signer, &ED25519) { "EdDSA" } else { "ES256" };
        let found =
            outcome(&verifier, &signer.issue(alg, Some("k"), &with(claims.clone(), "aud", aud))).await;
        match expected {
            Ok(id) => assert_eq!(found, Ok(id.to_owned())),
            Err(said) => assert!(rejected(said, &found), "{found:?}"),
        }
    }
    let forged = Signer::secret("k").issue("ES256", Some("k"), &with(claims, "aud", "two"));
    assert!(rejected("invalid JWT signature", &outcome(&verifier, &forged).await));
    assert_eq!((one.requests(), two.requests()), (1, 1));
}

/// What a key at hand rejects may be signed by one that has to be fetched first.
#[tokio::test]
async fn key_set_is_fetched_beside_a_key_of_its_algorithm() {
    let server = KeyServer::start(&[ANOTHER_P256.named("k")]).await;
    let set = JwtVerifier::from_jwks(server.url());
    let verifier = JwtVerifier::from_public_key(P256.pem()).also_accept(set).build().unwrap();
    let by = |signer: &Signer| signer.issue("ES256", Some("k"), &claims());
    let at_once = |text: &str| Verify::try_verify(&verifier, &BearerToken::new(text).unwrap());
    assert!(at_once(&by(&P256)).is_some_and(|verified| verified.is_ok()), "by the key at hand");
    assert!(at_once(&by(&ANOTHER_P256)).is_none(), "to be fetched");
    assert_eq!(outcome(&verifier, &by(&ANOTHER_P256)).await, Ok("alice".to_owned()));
    assert!(at_once(&by(&ANOTHER_P256)).is_some_and(|verified| verified.is_ok()), "fetched");
}

/// An outage of one issuer is none of the other's.
#[tokio::test]
async fn outage_of_one_source_leaves_the_others() {
    let keys = [ED25519.named("e"), ANOTHER_P256.named("p")];
    let (away, here) = (KeyServer::start(&[]).await, KeyServer::start(&keys).await);
    away.say("500 Oops", "", "");
    for [first, second] in [[&away, &here], [&here, &away]] {
        let second = JwtVerifier::from_jwks(second.url());
        let verifier = JwtVerifier::from_jwks(first.url()).also_accept(second).build().unwrap();
        assert_eq!(verifier.fetch_keys().await.unwrap_err().kind(), ErrorKind::Unavailable);
        let token = ED25519.issue("EdDSA", Some("e"), &claims());
        assert_eq!(outcome(&verifier, &token).await, Ok("alice".to_owned()));
        // Whose key this is, nobody can tell, though one of them is certain that it is not its own.
        let unknown = P256.issue("ES256", Some("p"), &claims());
        assert_eq!(outcome(&verifier, &unknown).await.unwrap_err().0, ErrorKind::Unavailable);
    }
}

#[test]
fn added_sources_are_checked_at_build() {
    let good = || JwtVerifier::from_secret(SECRET);
    let many =
        |count: usize| (1..count).fold(good(), |builder: JwtVerifierBuilder, _| builder.also_accept(good()));
    assert!(many(8).build().is_ok());
    // Also where they were added to added ones.
    for builder in [many(9), good().also_accept(many(8))] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains("at most 8 sources of keys for one verifier, found 9"), "{error}");
    }
    for (bad, said) in [
        (JwtVerifier::from_secret("short"), "needs at least 32"),
        (JwtVerifier::from_jwks("http://issuer.example/keys"), "not https://"),
        (JwtVerifier::from_jwks("https://issuer.example").algorithms([Algorithm::Hs256]), "could sign"),
    ] {
        let error = good().also_accept(bad).build().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

/// Two sources that share a key, each with its own algorithm: neither takes the other's.
#[tokio::test]
async fn sources_of_one_key_keep_their_algorithms_apart() {
    let source = |issuer: &str, algorithm| {
        JwtVerifier::from_public_key(RSA.pem()).issuer(issuer).algorithms([algorithm])
    };
    let verifier =
        source("one", Algorithm::Rs256).also_accept(source("two", Algorithm::Ps256)).build().unwrap();
    for (iss, alg, accepted) in [
        (Value::from("one"), "RS256", true),
        (Value::from("two"), "PS256", true),
        (Value::from("one"), "PS256", false),
        (Value::from("two"), "RS256", false),
        (Value::from("three"), "RS256", false),
        (Value::from(vec!["one", "two"]), "RS256", false),
        (Value::Null, "PS256", false),
    ] {
        let outcome = outcome(&verifier, &RSA.issue(alg, None, &with(claims(), "iss", iss.clone()))).await;
        assert_eq!(outcome.is_ok(), accepted, "{iss} by {alg}: {outcome:?}");
    }
}

/// A source has signed the token, and its mapping cannot answer: no other source, with a mapping of its own, is asked.
#[tokio::test]
async fn failure_of_a_mapping_leads_to_no_other_source() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Denied, ErrorKind::Internal] {
        let verifier = JwtVerifier::from_secret(SECRET)
            .map_claims(move |_| Err(AuthError::new(kind).with_detail("the table of blocked users")))
            .also_accept(JwtVerifier::from_secret(SECRET))
            .build()
            .unwrap();
        let outcome = outcome(&verifier, &HMAC.issue("HS256", None, &claims())).await;
        assert_eq!(outcome, Err((kind, "the table of blocked users".to_owned())));
    }
}
