//! Tokens that other libraries have signed, by keys that they have written down.

use aigc_auth::jwt::{Algorithm, JwtVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::jwt::support::{KeyServer, greeting, now, with};
use crate::support::{Reference, get_as};

/// What breaks a careless decoder.
fn claims() -> Value {
    let claims = json!({ "sub": "用户-🔑-7", "aud": ["authenticated"], "iat": now(), "exp": now() + 3600 });
    with(claims, "email", "é\"\\\u{2028}@example.com")
}

fn algorithm(one: &Value) -> Algorithm {
    use Algorithm::*;
    let all = [Hs256, Hs384, Hs512, Rs256, Rs384, Rs512, Ps256, Ps384, Ps512, Es256, Es384, EdDsa];
    *all.iter().find(|algorithm| one["alg"] == algorithm.name()).unwrap()
}

#[tokio::test]
async fn tokens_of_other_libraries_verify() {
    let Some(reference) = Reference::installed() else { return };
    let sent = claims();
    let said = reference.run("sign_tokens.py", &[], &sent).await;
    let said = said.as_array().unwrap();
    assert_eq!(said.len(), 24, "two libraries, twelve algorithms");
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();

    // One set of all keys, which may be for different algorithms.
    let published: Vec<_> = said.iter().filter(|one| one.get("jwk").is_some()).collect();
    assert_eq!(published.len(), 18);
    let keys: Vec<_> = published.iter().map(|one| one["jwk"].clone()).collect();
    let server = KeyServer::start(&keys).await;
    let configured = published.iter().map(|one| algorithm(one));
    let set = JwtVerifier::from_jwks(server.url()).algorithms(configured).build().unwrap();

    for one in said {
        let (what, token) = (format!("{} {}", one["library"], one["alg"]), text(one, "token"));
        let mut verifiers = vec![];
        if one.get("jwk").is_some() {
            verifiers.push(("in a set", set.clone()));
            let builder = JwtVerifier::from_public_key(text(one, "pem")).algorithms([algorithm(one)]);
            verifiers.push(("as PEM", builder.build().unwrap()));
        } else {
            let secret = text(one, "secret");
            let secret = match one.get("in_base64url") {
                Some(_) => URL_SAFE_NO_PAD.decode(secret).unwrap(),
                None => secret.into_bytes(),
            };
            let builder = JwtVerifier::from_secret(secret).algorithms([algorithm(one)]);
            verifiers.push(("a secret", builder.build().unwrap()));
        }
        for (kind, verifier) in verifiers {
            let read: Value =
                verifier.claims(&token).await.unwrap_or_else(|error| panic!("{what}, {kind}: {error}"));
            assert_eq!(read, sent, "{what}, {kind}");
            let app = greeting(&verifier).await;
            assert_eq!(get_as(app.address, &token, "/").await.body, "hello 用户-🔑-7", "{what}, {kind}");
            let other_token = said.iter().find(|other| other["alg"] == one["alg"] && *other != one).unwrap();
            if kind != "in a set" {
                assert!(verifier.user_info(&text(other_token, "token")).await.is_err(), "{what}, {kind}");
            }
        }
    }
}
