//! Tokens that a service signs for its calls.

use aigc_auth::AuthLayer;
use aigc_auth::jwt::{Algorithm, JwtVerifier};
use aigc_auth::service::{RequireService, ServiceKey, ServiceSigner, ServiceVerifier, WithServices};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use test_support::jwt::pem;

use crate::canary::flight::Flight;
use crate::support::{get_as, serve};

/// What stands before the private half of a key (RFC 5915 section 3): the version, and an octet string of 32 bytes.
const PRIVATE: [u8; 5] = [2, 1, 1, 4, 32];

pub(super) async fn story(flight: &Flight) {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let der = pkcs8.as_ref();
    let at = der.windows(PRIVATE.len()).position(|window| window == PRIVATE).unwrap() + PRIVATE.len();
    flight.secret_bytes("signing key", &der[at..at + 32]);
    let whole = pem("PRIVATE KEY", der);
    for wrong in [
        pem("RSA PRIVATE KEY", der),
        pem("EC PRIVATE KEY", &der[at..]),
        pem("PRIVATE KEY", &der[..at + 32]),
        whole.replace("BEGIN PRIVATE KEY", "BEGIN"),
        whole.replace('\n', " "),
        format!("{whole}{whole}"),
    ] {
        flight.outcome(ServiceKey::from_pem(&wrong));
        flight.outcome(JwtVerifier::from_public_key(&wrong).insecure_any_audience().build());
    }
    // The private key where a public one belongs.
    let builder = JwtVerifier::from_public_key(&whole);
    flight.show(&builder);
    flight.outcome(builder.insecure_any_audience().build());
    let key = flight.outcome(ServiceKey::from_pem(&whole)).unwrap();
    let builder = ServiceSigner::builder("canary", key.clone()).also_publish(&key);
    flight.show(&builder);
    flight.outcome(builder.build());
    let signer = flight.outcome(ServiceSigner::builder("canary", key).build()).unwrap();
    flight.outcome(signer.rotate_to(ServiceKey::generate(Algorithm::EdDsa).unwrap()));
    let token = signer.for_audience("orders").scopes(["orders:read"]);
    flight.show(&token);
    let signed = flight.outcome(token.get()).unwrap();
    let signature = signed.as_str().rsplit('.').next().unwrap();
    flight.secret_bytes("service token", &URL_SAFE_NO_PAD.decode(signature).unwrap());
    let published = serve(signer.jwks_router()).await;
    flight.answer(&get_as(published.address, signed.as_str(), "/.well-known/jwks.json").await);
    let keys = || JwtVerifier::from_jwks(format!("http://{}/.well-known/jwks.json", published.address));
    let builder = ServiceVerifier::builder(keys(), "orders");
    flight.show(&builder);
    let verifier = flight.outcome(builder.build()).unwrap();
    let users = keys().insecure_any_audience().reject_subject_prefix("service:").build().unwrap();
    let both = WithServices::new(users, verifier.clone());
    flight.show(&both);
    crate::canary::stories::services::ask(flight, AuthLayer::tokens_only(verifier), signed.as_str()).await;
    ask(flight, AuthLayer::tokens_only(both), signed.as_str()).await;
}

async fn ask(flight: &Flight, layer: AuthLayer, token: &str) {
    let shown = flight.clone();
    let handler = |service: RequireService<super::sql::Read>| async move {
        shown.show(&service);
        "ok"
    };
    let app = serve(Router::new().route("/", get(handler)).layer(layer)).await;
    for token in [token, &token[..token.len() - 2], &format!("{token}.{token}")] {
        flight.answer(&get_as(app.address, token, "/").await);
    }
}
