//! Tokens as AutoGPT makes them by PyJWT, and ours as PyJWT reads them.

use aigc_auth::AuthLayer;
use aigc_auth::jwt::{Algorithm, JwtVerifier};
use aigc_auth::service::{ServiceKey, ServiceSigner, ServiceVerifier, WithServices};
use serde_json::json;
use test_support::jwt::{KeyServer, SECRET};

use crate::service::support::{AUDIENCE, app, ask, claims};
use crate::support::Reference;

#[tokio::test]
async fn services_of_autogpt_are_understood_and_understand_ours() {
    let Some(reference) = Reference::installed() else { return };
    let mut signers = vec![];
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let key = ServiceKey::generate(algorithm).unwrap();
        signers.push(ServiceSigner::builder("orders", key).build().unwrap());
    }
    let ours: Vec<_> = signers.iter().map(|signer| signer.sign(AUDIENCE, &["a", "b"]).unwrap()).collect();
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwks()["keys"][0].clone()).collect();
    let said = reference
        .run(
            "sign_service_tokens.py",
            &[],
            &json!({
                "service": claims("service:frontend", AUDIENCE, "orders:read credits:top_up"),
                "user": claims("3f6c0c1e-7a55-4b7e-9a0e-1d2f3a4b5c6d", "authenticated", ""),
                "secret": SECRET,
                "audience": AUDIENCE,
                "ours": ours.iter().map(|token| token.as_str()).collect::<Vec<_>>(),
                "jwks": { "keys": keys },
            }),
        )
        .await;

    let theirs: Vec<_> = said["signed"].as_array().unwrap().iter().map(|one| one["jwk"].clone()).collect();
    let server = KeyServer::start(&theirs).await;
    let keys = || JwtVerifier::from_jwks(server.url());
    let services = ServiceVerifier::builder(keys(), AUDIENCE).build().unwrap();
    let users = keys().audience("authenticated").reject_subject_prefix("service:").build().unwrap();
    let app = app(AuthLayer::new(WithServices::new(users, services)));
    for one in said["signed"].as_array().unwrap() {
        let (service, user) = (one["service"].as_str().unwrap(), one["user"].as_str().unwrap());
        assert_eq!(ask(&app, "/read", service).await, (200, "frontend".into()), "{}", one["alg"]);
        assert_eq!(ask(&app, "/user", service).await.0, 403, "{}", one["alg"]);
        assert_eq!(ask(&app, "/user", user).await.0, 200, "{}", one["alg"]);
        assert_eq!(ask(&app, "/read", user).await.0, 403, "{}", one["alg"]);
    }
    assert_eq!(ask(&app, "/service", said["shared"].as_str().unwrap()).await.0, 401, "HS256");

    for read in said["read"].as_array().unwrap() {
        assert_eq!((&read["sub"], &read["aud"]), (&json!("service:orders"), &json!(AUDIENCE)));
        assert_eq!(read["scope"], "a b");
        assert_eq!(read["exp"].as_u64().unwrap() - read["iat"].as_u64().unwrap(), 60);
    }
}
