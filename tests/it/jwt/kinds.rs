//! Tokens that are no access tokens.

use aigc_auth::claims::{ClaimsMapping, TokenKind};
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use serde_json::{Value, json};

use crate::jwt::support::{HMAC, SECRET, claims};

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
        // Nothing but a hash: Canaille's ID tokens, and Dex's, whose access tokens are the same (`server/oauth2.go` of dexidp/dex).
        (Id, json!({"typ": "JWT"}), json!({"at_hash": "7vTJ2xk8nCsfZ1nqIn8oVw", "email_verified": true})),
        (Id, json!({}), json!({"c_hash": "LDktKdoQak3Pk0cnXxCltA", "nonce": "n"})),
    ] {
        let token = token(header, &more);
        let said = rejection(verifier(), &token).await.expect("a rejection");
        assert!(said.contains(&kind.to_string()) && said.contains(&format!("{kind:?}")), "{said}");
        for other in [Refresh, Id, Logout, DpopProof, SecurityEvent, KeyBound] {
            let accepts = rejection(verifier().accept_kind(other), &token).await.is_none();
            assert_eq!(accepts, kind == other, "{kind:?} where {other:?} are accepted");
        }
    }
    for access in [json!({"typ": "Bearer"}), json!({"typ": "Bearer", "at_hash": "7vTJ2xk8nCsfZ1nqIn8oVw"})] {
        assert_eq!(rejection(verifier(), &token(json!({"typ": "JWT"}), &access)).await, None, "{access}");
    }
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
            "expected the claim `client_id` to be \"app\", found `\"other\"`",
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
