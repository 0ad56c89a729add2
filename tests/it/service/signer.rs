//! One service calls another over loopback by tokens of its own, through rotations of its key.

use std::time::Duration;

use aigc_auth::context::InContext;
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{Algorithm, JwtVerifier};
use aigc_auth::outbound::OutboundClient;
use aigc_auth::service::{ServiceKey, ServiceSigner, ServiceSignerBuilder, ServiceVerifier};
use aigc_auth::testing::Clock;
use aigc_auth::{AuthClient, AuthLayer, context};
use axum::Router;
use axum::routing::get;
use http::HeaderName;
use serde_json::Value;
use test_support::jwt::{P256, pem};

use crate::outbound::support::{Host, alice, outbound};
use crate::service::support::{frontend, routes, services};
use crate::support::{App, serve};

fn signer(algorithm: Algorithm, clock: &Clock) -> ServiceSignerBuilder {
    ServiceSigner::builder("a", ServiceKey::generate(algorithm).unwrap()).clock(clock.clone())
}

fn url(app: &App) -> String {
    format!("http://{}", app.address)
}

/// A service B that verifies by the key set of A, and says who calls.
async fn service_b(of_a: &App, clock: &Clock) -> (App, ServiceVerifier) {
    let keys = JwtVerifier::from_jwks(format!("{}/.well-known/jwks.json", url(of_a))).clock(clock.clone());
    let verifier = ServiceVerifier::builder(keys, "b").build().unwrap();
    (serve(routes().layer(AuthLayer::tokens_only(verifier.clone()))).await, verifier)
}

#[tokio::test]
async fn a_calls_b_through_a_rotation() {
    for (first, next) in [(Algorithm::Es256, Algorithm::EdDsa), (Algorithm::EdDsa, Algorithm::Es256)] {
        let clock = Clock::held();
        let signer = signer(first, &clock).build().unwrap();
        let a = serve(Router::new().merge(signer.jwks_router())).await;
        let (b, verifier) = service_b(&a, &clock).await;
        let token = signer.for_audience("b").scopes(["orders:read"]);
        let app = AuthClient::builder("a", "secret", "http://127.0.0.1:1").build().unwrap();
        let outbound = OutboundClient::builder(&app)
            .trust_origin(url(&b))
            .service_token(url(&b), token.clone())
            .build()
            .unwrap();
        let call = async || {
            let answer = outbound.get(format!("{}/read", url(&b))).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let kid = || header(token.get().unwrap().as_str())["kid"].as_str().unwrap().to_owned();
        assert_eq!(call().await, (200, "a".into()), "{first}");
        let old = kid();

        let key = ServiceKey::generate(next).unwrap();
        signer.rotate_to(key.clone()).unwrap();
        // At each moment of two hours there is a key that B knows, though it fetches the set every 8 to 10 minutes only.
        let mut rotated = None;
        for minute in 0..120 {
            assert_eq!(call().await, (200, "a".into()), "{first}, minute {minute}");
            if rotated.is_none() && kid() == key.kid() {
                rotated = Some(minute);
            }
            clock.advance(Duration::from_secs(60));
        }
        assert_eq!(rotated, Some(60), "{first}");
        let published = signer.jwks();
        let kids: Vec<_> = published["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
        assert_eq!(kids, [key.kid()], "{old} has left");
        assert!(published["keys"][0].get("d").is_none(), "no private half");

        // For B alone.
        let others = signer.sign("c", &["orders:read"]).unwrap();
        let error = verifier.service(others.as_str()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidCredential);
    }
}

fn header(token: &str) -> Value {
    segment(token, 0)
}

fn segment(token: &str, place: usize) -> Value {
    use base64::Engine;
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').nth(place).unwrap());
    serde_json::from_slice(&json.unwrap()).unwrap()
}

#[tokio::test]
async fn token_is_sent_for_half_of_its_life() {
    let clock = Clock::held();
    let signer = signer(Algorithm::Es256, &clock).publish_ahead(Duration::ZERO).build().unwrap();
    let token = signer.for_audience("b");
    let get = || token.get().unwrap().as_str().to_owned();
    let first = get();
    clock.advance(Duration::from_millis(29_999));
    assert_eq!(get(), first);
    clock.advance(Duration::from_millis(1));
    let second = get();
    assert_ne!(second, first);
    assert_ne!(token.clone().scopes(["x"]).get().unwrap().as_str(), second, "other scopes, another token");
    clock.jump(Duration::from_secs(3600));
    let third = get();
    assert_ne!(third, second, "after a suspend it has ended for others");
    signer.rotate_to(ServiceKey::generate(Algorithm::EdDsa).unwrap()).unwrap();
    assert_ne!(header(&get())["kid"], header(&third)["kid"], "at once by the new key");
}

/// Its dates are in whole seconds, of which a short life has few.
#[tokio::test]
async fn no_token_is_sent_that_has_ended() {
    let begun = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let (clock, mut now) = (Clock::held(), begun);
    let second = Duration::from_secs(1);
    for lifetime in [2_000, 2_500, 2_999, 60_000].map(Duration::from_millis) {
        let signer = signer(Algorithm::EdDsa, &clock).lifetime(lifetime).build().unwrap();
        let token = signer.for_audience("b");
        for step in [0, 130, 260, 390, 520, 650, 780, 910, 490, 20, 333, 111] {
            clock.advance(Duration::from_millis(step));
            now += Duration::from_millis(step);
            let ends = segment(token.get().unwrap().as_str(), 1)["exp"].as_u64().unwrap();
            let ends = Duration::from_secs(ends);
            assert!(
                ends > now && ends + second >= now + lifetime / 2,
                "{lifetime:?}: at {now:?}, until {ends:?}"
            );
            assert!(ends <= now + lifetime + second, "{lifetime:?}: at {now:?}, until {ends:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_sign_or_be_sent_is_refused_at_build() {
    let clock = Clock::held();
    let key = || ServiceKey::generate(Algorithm::Es256).unwrap();
    for (builder, expected) in [
        (ServiceSigner::builder(" ", key()), "the name of the service is empty"),
        (ServiceSigner::builder("a", key()).subject_prefix(""), "the subject prefix of the service is empty"),
        (ServiceSigner::builder("a", key()).lifetime(Duration::ZERO), "found 0ns"),
        (ServiceSigner::builder("a", key()).lifetime(Duration::from_millis(1_999)), "found 1.999s"),
        (ServiceSigner::builder("a", key()).lifetime(Duration::from_secs(3601)), "found 3601s"),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let signer = signer(Algorithm::Es256, &clock).build().unwrap();
    let app = AuthClient::builder("a", "secret", "http://127.0.0.1:1").build().unwrap();
    let builder = || OutboundClient::builder(&app).trust_origin("https://b.internal");
    let token = || signer.for_audience("b");
    for (builder, expected) in [
        (builder().service_token("https://c.internal", token()), "https://c.internal, which is not trusted"),
        (builder().service_token("b.internal", token()), "has no scheme"),
        (
            builder()
                .service_token("https://b.internal", token())
                .service_token("https://b.internal:443", token()),
            "has two tokens",
        ),
        (builder().service_token("https://b.internal", token().with_user()), "set `header` of the token"),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // A public key signs nothing.
    assert!(ServiceKey::from_pem(P256.pem()).unwrap_err().to_string().contains("found BEGIN PUBLIC KEY"));
    assert!(ServiceKey::from_pem(pem("PRIVATE KEY", b"\x30\x03\x02\x01\x00")).is_err());
}

#[tokio::test]
async fn service_token_stands_in_place_of_the_users() {
    let (b, other) = (Host::http().await, Host::http().await);
    let signer = signer(Algorithm::EdDsa, &Clock::held()).build().unwrap();
    let x_service = HeaderName::from_static("x-service-authorization");
    let token = signer.for_audience("b");
    let user = Some("Bearer hunter-token".to_owned());
    let ours = Some(format!("Bearer {}", token.get().unwrap().as_str()));
    for (token, authorization, service) in [
        (token.clone(), ours.clone(), None),
        (token.clone().header(x_service.clone()), None, ours.clone()),
        (token.clone().header(x_service).with_user(), user.clone(), ours.clone()),
    ] {
        let outbound = outbound(&[&b, &other], |builder| builder.service_token(&b.url, token));
        outbound.get(b.at("/")).send().in_context(alice()).await.unwrap();
        // From B on to a host that is trusted with the user's.
        outbound.get(b.go(307, &other.at("/"))).send().in_context(alice()).await.unwrap();
        for heard in b.heard() {
            let header = |name| heard.header(name).map(str::to_owned);
            assert_eq!(
                (header("authorization"), header("x-service-authorization")),
                (authorization.clone(), service.clone())
            );
        }
        let heard = other.one();
        assert_eq!(
            (heard.header("authorization"), heard.header("x-service-authorization")),
            (user.as_deref(), None)
        );
        // A job has no user.
        outbound.get(b.at("/")).send().await.unwrap();
        let job = b.one();
        assert!(job.header("authorization").or(job.header("x-service-authorization")) == ours.as_deref());
        assert!(!format!("{outbound:?}").contains("eyJ"));
    }
}

/// It is for our audience: whoever received it could call us by it.
#[tokio::test]
async fn token_of_a_calling_service_goes_no_further() {
    let host = Host::http().await;
    let outbound = outbound(&[&host], |builder| builder);
    let url = host.at("/");
    let pass_on = get(move || async move {
        assert_eq!(context::service().unwrap().name(), "frontend");
        outbound.get(url).send().await.unwrap().status().to_string()
    });
    let app = serve(Router::new().route("/", pass_on).layer(AuthLayer::tokens_only(services()))).await;
    let token = format!("Bearer {}", frontend(""));
    let answer = test_support::http::get(app.address, "/", &[("authorization", &*token)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(host.one().header("authorization"), None);
}
