//! Tokens that are verified here, or by whoever issued them.

use std::time::{Duration, SystemTime};

use aigc_auth::cached::Cached;
use aigc_auth::introspection::Introspection;
use aigc_auth::jwt::{ByIssuer, Claims, JwtVerifier};
use aigc_auth::revocation::{BackChannelLogout, MemoryRevocations, Revocation, TokenIds, revoke_router};
use aigc_auth::{AuthLayer, CurrentUser, Verify};
use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use test_support::jwt::{KeyServer, P256, Signer, now, with};

use crate::canary::echo::{Echo, MODES, Mode};
use crate::canary::flight::Flight;
use crate::support::{get_as, post, serve};

fn claims(flight: &Flight) -> Value {
    json!({
        "sub": "7", "aud": "canary", "iss": "https://login.example.com", "iat": now(), "exp": now() + 600,
        "jti": "t-1", "sid": "s-1", "nonce": flight.secret("JWT claim"), "email": flight.secret("e-mail"),
        "name": flight.secret("nickname"), "phone_number": flight.secret("phone"),
    })
}

/// A token, whose signature is looked for as well.
fn sign(flight: &Flight, signer: &Signer, alg: &str, claims: &Value) -> String {
    let token = signer.issue(alg, Some("k-1"), claims);
    let signature = token.rsplit('.').next().unwrap();
    flight.secret_bytes("JWT signature", &URL_SAFE_NO_PAD.decode(signature).unwrap());
    token
}

/// What is wrong in many ways, and what is not.
fn tokens(flight: &Flight, signer: &Signer, alg: &str) -> Vec<String> {
    let good = claims(flight);
    let word = flight.secret("malformed token");
    let valid = sign(flight, signer, alg, &good);
    let mut tokens = vec![
        valid.clone(),
        sign(flight, signer, alg, &with(good.clone(), "exp", now() - 600)),
        sign(flight, signer, alg, &with(good.clone(), "nbf", now() + 600)),
        // Whom a token is for, and by whom, is no secret.
        sign(flight, signer, alg, &with(good.clone(), "aud", "others")),
        sign(flight, signer, alg, &with(good.clone(), "iss", "https://other.example")),
        sign(flight, signer, alg, &with(good.clone(), "sub", json!([word]))),
        sign(flight, signer, alg, &with(good.clone(), "exp", &*word)),
        sign(flight, signer, alg, &json!([word])),
        sign(flight, &Signer::secret("another key, of which nobody knows"), "HS256", &good),
        signer.token(alg, "{\"alg\": \"XS256\"}", good.to_string()),
        signer.token(alg, format!("{{\"alg\": \"{alg}\", \"kid\": \"k-9\"}}"), good.to_string()),
        signer.token(alg, format!("{{\"alg\": \"{alg}\", \"typ\": \"{word}\"}}"), good.to_string()),
        signer.token(alg, format!("{{\"alg\": \"{alg}\", \"crit\": [\"b64\"]}}"), good.to_string()),
        signer.token(alg, format!("{{\"alg\": \"{alg}\", \"{word}\": "), good.to_string()),
        signer.token(alg, "{\"alg\": \"none\"}", format!("{{\"sub\": \"{word}")),
        signer.token(alg, format!("{{\"alg\":\"{alg}\"}}"), format!("{{\"sub\":\"1\",\"sub\":\"{word}\"}}")),
        format!("{valid}{word}"),
        format!("{word}.{word}.{word}"),
        format!("{word}.{word}"),
        word.clone(),
        valid.replace('.', "!"),
    ];
    tokens.push(valid.split('.').take(2).collect::<Vec<_>>().join("."));
    tokens
}

async fn all_ways(flight: &Flight, verifier: &JwtVerifier, tokens: &[String]) {
    flight.show(verifier);
    let routes = Router::new().route("/", get(|user: CurrentUser| async move { user.id().to_string() }));
    let app =
        serve(routes.layer(AuthLayer::new(verifier.clone())).merge(revoke_router(verifier.clone()))).await;
    let cached = Cached::builder(verifier.clone()).observer(flight.clone()).build();
    flight.show(&cached);
    for token in tokens {
        flight.outcome(verifier.user_info(token).await);
        flight.outcome(verifier.claims::<Value>(token).await.map(|_| ()));
        if let Some(bearer) = flight.outcome(aigc_auth::credential::BearerToken::new(token)) {
            flight.outcome(cached.verify(bearer).await);
        }
        flight.answer(&get_as(app.address, token, "/").await);
    }
    for token in tokens {
        let form = format!("token={token}&token_type_hint=access_token");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        flight.answer(&post(app.address, "/auth/revoke", &headers, form).await);
        flight.outcome(verifier.revoke(token).await);
        flight.outcome(verifier.user_info(token).await);
    }
    flight.outcome(verifier.revoke_session("s-1", SystemTime::now()).await);
    flight.outcome(verifier.revoke_user(7, SystemTime::now()).await);
}

pub(super) async fn story(flight: &Flight) {
    let key = flight.secret("HS256 secret").repeat(2);
    let list = MemoryRevocations::new();
    flight.show(&list);
    flight.show(&Revocation::session("s-1"));
    flight.show(&TokenIds::new(7).with_jti("t-1"));
    let builder = JwtVerifier::from_secret(&key).audience("canary").issuer("https://login.example.com");
    let builder = builder.revocations(list.clone());
    flight.show(&builder);
    let verifier = builder.build().unwrap();
    flight.show(&Claims(()));
    all_ways(flight, &verifier, &tokens(flight, &Signer::secret(&key), "HS256")).await;
    flight.show(&list);
    key_sets(flight).await;
    opaque(flight).await;
    log_outs(flight).await;
}

/// Key sets that are published with their private half, and servers that send back what they hear.
async fn key_sets(flight: &Flight) {
    let private = flight.secret("published private key");
    let keys = [
        with(P256.named("k-1"), "d", &*private),
        json!({ "kty": "oct", "kid": "k-2", "k": private, "alg": "HS256" }),
        json!({ "kty": "EC", "kid": "k-3", "x": private, "y": private, "crv": "P-256" }),
        json!({ "kty": "RSA", "kid": "k-4", "n": private, "e": private, "d": private }),
        json!([private]),
    ];
    let url_password = flight.secret("URL query");
    let server = KeyServer::start(&keys).await;
    let url = format!("{}?token={url_password}", server.url());
    let builder = JwtVerifier::from_jwks(&*url).audience("canary").insecure_plain_http();
    flight.show(&builder);
    let verifier = builder.revocations(MemoryRevocations::new()).build().unwrap();
    let tokens = tokens(flight, &P256, "ES256");
    all_ways(flight, &verifier, &tokens).await;
    for keys in &keys {
        server.publish(std::slice::from_ref(keys));
        let verifier =
            JwtVerifier::from_jwks(&*url).audience("canary").insecure_plain_http().build().unwrap();
        flight.outcome(verifier.fetch_keys().await);
        flight.outcome(verifier.user_info(&tokens[0]).await);
    }
    let echo = Echo::start().await;
    for mode in MODES.into_iter().filter(|mode| *mode != Mode::Hang) {
        echo.say(mode);
        let url = format!("{}/keys?token={url_password}", echo.url());
        for builder in [JwtVerifier::from_jwks(&*url), JwtVerifier::from_issuer(echo.url())] {
            let verifier = builder.audience("canary").insecure_plain_http().build().unwrap();
            flight.outcome(verifier.fetch_keys().await);
            flight.outcome(verifier.user_info(&tokens[0]).await);
        }
    }
}

async fn opaque(flight: &Flight) {
    let token = flight.secret("opaque token");
    let jwts =
        JwtVerifier::from_public_key(P256.pem()).issuer("https://login.example.com").audience("canary");
    let jwts = jwts.build().unwrap();
    let echo = Echo::start().await;
    for mode in MODES {
        echo.say(mode);
        let url = format!("{}/introspect?token={}", echo.url(), flight.secret("URL query"));
        let builder = Introspection::builder(&*url, "canary", flight.secret("client secret"));
        let builder =
            builder.insecure_any_audience().insecure_plain_http().timeout(Duration::from_millis(200));
        flight.show(&builder);
        let verifier = builder.observer(flight.clone()).build().unwrap();
        flight.show(&verifier);
        let by_issuer = ByIssuer::new(jwts.clone(), verifier.clone());
        flight.show(&by_issuer);
        let cached = Cached::builder(verifier.clone()).observer(flight.clone()).build();
        let bearer = || aigc_auth::credential::BearerToken::new(&token).unwrap();
        flight.outcome(verifier.verify(bearer()).await);
        flight.outcome(cached.verify(bearer()).await);
        let routes = Router::new().route("/", get(|user: CurrentUser| async move { user.id().to_string() }));
        let app = serve(routes.layer(AuthLayer::tokens_only(cached))).await;
        flight.answer(&get_as(app.address, &token, "/").await);
    }
}

async fn log_outs(flight: &Flight) {
    let verifier = JwtVerifier::from_public_key(P256.pem())
        .audience("canary")
        .issuer("https://login.example.com")
        .revocations(MemoryRevocations::new())
        .build()
        .unwrap();
    let logout = flight.outcome(BackChannelLogout::new(verifier, "web")).unwrap();
    let app = serve(logout.router()).await;
    let word = flight.secret("logout token");
    let good = json!({
        "iss": "https://login.example.com", "aud": "web", "iat": now(), "exp": now() + 120, "jti": "l-1", "sub": "7",
        "sid": "s-1", "events": { "http://schemas.openid.net/event/backchannel-logout": {} }, "note": word,
    });
    let header = "{\"alg\": \"ES256\", \"typ\": \"logout+jwt\"}";
    for claims in [
        good.clone(),
        with(good.clone(), "aud", "others"),
        with(good.clone(), "nonce", &*word),
        with(good.clone(), "exp", 1),
        with(good.clone(), "jti", json!([word])),
        json!(word),
    ] {
        let token = P256.token("ES256", header, claims.to_string());
        for form in [
            format!("logout_token={token}"),
            format!("logout_token={token}&logout_token={word}"),
            word.clone(),
        ] {
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            flight.answer(&post(app.address, "/auth/backchannel-logout", &headers, form).await);
        }
    }
}
