//! OpenID Connect Back-Channel Logout 1.0.

use std::time::Duration;

use aigc_auth::AuthLayer;
use aigc_auth::claims::TokenKind;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::revocation::{BackChannelLogout, MemoryRevocations};
use aigc_auth::testing::Clock;
use aigc_auth::webhook::InMemoryReplays;
use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};

use crate::jwt::support::{ANOTHER_P256, KeyServer, P256, Signer, claims, now, with};
use crate::support::{Answer, App, get_as, post, serve};

const ISSUER: &str = "https://login.example.com";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn jwts(clock: &Clock) -> JwtVerifierBuilder {
    let list = MemoryRevocations::with_clock(clock.clone());
    JwtVerifier::from_public_key(P256.pem())
        .issuer(ISSUER)
        .audience("api")
        .clock(clock.clone())
        .revocations(list)
}

/// The claims of a log-out token of the session `s` of alice's.
fn logout_claims() -> Value {
    json!({"iss": ISSUER, "aud": "web", "iat": now(), "exp": now() + 120, "jti": "l-1", "sub": "alice", "sid": "s",
        "events": {EVENT: {}}})
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn sign(signer: &Signer, typ: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"alg": "ES256"});
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    signer.token("ES256", header.to_string(), claims.to_string())
}

fn logout_token(claims: &Value) -> String {
    sign(&P256, Some("logout+jwt"), claims)
}

fn access_token(more: &Value) -> String {
    let mut claims = with(with(claims(), "iss", ISSUER), "aud", "api");
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    P256.issue("ES256", None, &claims)
}

async fn service(logout: BackChannelLogout, verifier: JwtVerifier) -> App {
    let router = Router::new().route("/", get(|| async { "in" })).layer(AuthLayer::new(verifier));
    serve(router.merge(logout.router())).await
}

async fn app(verifier: &JwtVerifier, configure: impl FnOnce(BackChannelLogout) -> BackChannelLogout) -> App {
    let logout = configure(BackChannelLogout::new(verifier.clone(), "web").unwrap());
    service(logout, verifier.clone()).await
}

async fn send(app: &App, token: &str) -> (u16, String) {
    let answer = send_form(app, &format!("logout_token={token}")).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    (answer.status, answer.body)
}

async fn send_form(app: &App, form: &str) -> Answer {
    let form_type = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    post(app.address, "/backchannel-logout", &form_type, form).await
}

fn applied() -> (u16, String) {
    (200, String::new())
}

fn invalid() -> (u16, String) {
    (400, json!({"error": "invalid_request"}).to_string())
}

async fn status(app: &App, token: &str) -> u16 {
    get_as(app.address, token, "/").await.status
}

#[tokio::test]
async fn session_or_user_is_logged_out() {
    let [mine, sibling] = [json!({"sid": "s"}), json!({"sid": "other"})].map(|more| access_token(&more));
    let bob = access_token(&json!({"sub": "bob", "sid": "s-bob"}));
    let later = access_token(&json!({"iat": now() + 1}));
    for (claims, whole_user, expected) in [
        (logout_claims(), false, [401, 200, 200, 200]),
        (without(logout_claims(), "sub"), false, [401, 200, 200, 200]),
        (without(logout_claims(), "sid"), false, [401, 401, 200, 200]),
        (logout_claims(), true, [401, 401, 200, 200]),
        (with(logout_claims(), "aud", json!(["web", "another"])), false, [401, 200, 200, 200]),
    ] {
        let verifier = jwts(&Clock::held()).build().unwrap();
        let app = app(&verifier, |logout| if whole_user { logout.end_every_session() } else { logout }).await;
        let tokens = [&mine, &sibling, &bob, &later];
        for token in tokens {
            assert_eq!(status(&app, token).await, 200);
        }
        assert_eq!(send(&app, &logout_token(&claims)).await, applied(), "{claims}");
        for (token, expected) in tokens.into_iter().zip(expected) {
            assert_eq!(status(&app, token).await, expected, "{claims}");
        }
    }
}

/// One claim that is wrong, and nothing happens.
#[tokio::test]
async fn what_is_no_log_out_token_of_this_client_is_refused() {
    let verifier = jwts(&Clock::held()).build().unwrap();
    let app = app(&verifier, |logout| logout).await;
    let good = logout_claims;
    let mine = access_token(&json!({"sid": "s", "jti": "j"}));
    for (why, token) in [
        ("of another client", logout_token(&with(good(), "aud", "other"))),
        ("for the API", logout_token(&with(good(), "aud", "api"))),
        ("without an audience", logout_token(&without(good(), "aud"))),
        ("of another issuer", logout_token(&with(good(), "iss", "https://evil.example.com"))),
        ("without an issuer", logout_token(&without(good(), "iss"))),
        ("with a nonce", logout_token(&with(good(), "nonce", "n"))),
        ("with a nonce of null", logout_token(&with(good(), "nonce", Value::Null))),
        ("without events", logout_token(&without(good(), "events"))),
        ("with another event", logout_token(&with(good(), "events", json!({"x": {}})))),
        ("with an event that is no object", logout_token(&with(good(), "events", json!({EVENT: true})))),
        ("with events as a list", logout_token(&with(good(), "events", json!([EVENT])))),
        ("without `jti`", logout_token(&without(good(), "jti"))),
        ("with a `jti` that is an object", logout_token(&with(good(), "jti", json!({})))),
        ("without `sub` and `sid`", logout_token(&without(without(good(), "sub"), "sid"))),
        ("with a `sid` that is a list", logout_token(&with(good(), "sid", json!(["s"])))),
        ("without `iat`", logout_token(&without(good(), "iat"))),
        ("issued 3 minutes ago", logout_token(&with(good(), "iat", now() - 180))),
        ("issued in the future", logout_token(&with(good(), "iat", now() + 100))),
        ("expired", logout_token(&with(good(), "exp", now() - 60))),
        ("without an end", logout_token(&without(good(), "exp"))),
        ("untyped", sign(&P256, None, &good())),
        ("typed as a JWT", sign(&P256, Some("JWT"), &good())),
        ("signed by another key", sign(&ANOTHER_P256, Some("logout+jwt"), &good())),
        ("an access token", mine.clone()),
        ("no token", "x".to_owned()),
        ("an access key", "ak_x".to_owned()),
        ("nothing", String::new()),
    ] {
        assert_eq!(send(&app, &token).await, invalid(), "{why}");
    }
    assert_eq!(status(&app, &mine).await, 200);
    // And this was all that was wrong with them.
    assert_eq!(send(&app, &logout_token(&good())).await, applied());
    assert_eq!(status(&app, &mine).await, 401);
}

#[tokio::test]
async fn log_out_token_is_applied_once() {
    let clock = Clock::held();
    let shared = std::sync::Arc::new(InMemoryReplays::new());
    for is_shared in [false, true] {
        let verifier = jwts(&clock).build().unwrap();
        let configure =
            |logout: BackChannelLogout| if is_shared { logout.replay_memory(shared.clone()) } else { logout };
        let (one, other) = (app(&verifier, configure).await, app(&verifier, configure).await);
        let token = logout_token(&logout_claims());
        assert_eq!(send(&one, &token).await, applied());
        assert_eq!(send(&one, &token).await, invalid());
        assert_eq!(send(&other, &token).await, if is_shared { invalid() } else { applied() });
        let another = logout_token(&with(logout_claims(), "jti", "l-2"));
        assert_eq!(send(&one, &another).await, applied());
    }
}

/// Its `jti` is remembered, by the verifier's clock, for as long as the token may be accepted: its 2 min, and a leeway of 5.
#[tokio::test]
async fn log_out_token_is_remembered_until_it_is_no_longer_accepted() {
    let clock = Clock::held();
    let verifier = jwts(&clock).build().unwrap();
    let app = app(&verifier, |logout| logout).await;
    let started = now();
    for (seconds, expected) in [(0, applied()), (419, invalid()), (421, applied())] {
        let claims = with(with(logout_claims(), "iat", started + seconds), "exp", started + seconds + 120);
        assert_eq!(send(&app, &logout_token(&claims)).await, expected, "{seconds} s");
        clock.advance(Duration::from_secs(if seconds == 0 { 419 } else { 2 }));
    }
}

#[tokio::test]
async fn untyped_tokens_are_accepted_where_configured() {
    let verifier = jwts(&Clock::held()).build().unwrap();
    let app = app(&verifier, BackChannelLogout::accept_untyped).await;
    for (jti, typ) in [("1", None), ("2", Some("JWT")), ("3", Some("application/logout+JWT"))] {
        let token = sign(&P256, typ, &with(logout_claims(), "jti", jti));
        assert_eq!(send(&app, &token).await, applied(), "{typ:?}");
    }
    // Even so, it takes a log-out token.
    let id_token = with(without(logout_claims(), "events"), "nonce", "n");
    assert_eq!(send(&app, &sign(&P256, Some("JWT"), &id_token)).await, invalid());
}

#[tokio::test]
async fn log_out_token_is_no_access_token() {
    let claims = with(with(logout_claims(), "aud", json!(["web", "api"])), "exp", now() + 3600);
    let verifier = jwts(&Clock::held()).build().unwrap();
    let app = app(&verifier, BackChannelLogout::accept_untyped).await;
    for typ in [Some("logout+jwt"), Some("JWT"), None] {
        assert_eq!(status(&app, &sign(&P256, typ, &claims)).await, 401, "{typ:?}");
    }
    // Unless a service says so.
    let lax = jwts(&Clock::held()).accept_kind(TokenKind::Logout).build().unwrap();
    assert!(lax.user_info(&logout_token(&claims)).await.is_ok());
}

#[tokio::test]
async fn forms_are_read_strictly() {
    let verifier = jwts(&Clock::held()).build().unwrap();
    let app = app(&verifier, |logout| logout).await;
    let token = logout_token(&logout_claims());
    for form in [
        String::new(),
        format!("token={token}"),
        format!("logout_token={token}&logout_token={token}"),
        format!("logout_token={token}&padding={}", "x".repeat(16 * 1024)),
    ] {
        let answer = send_form(&app, &form).await;
        assert_eq!((answer.status, answer.body), invalid(), "{}", &form[..form.len().min(50)]);
    }
    let json_type = [("content-type", "application/json")];
    let body = json!({"logout_token": token}).to_string();
    assert_eq!(post(app.address, "/backchannel-logout", &json_type, &body).await.status, 400);
    assert_eq!(get_as(app.address, &token, "/backchannel-logout").await.status, 405);
    let answer = send_form(&app, &format!("state=x&logout_token={token}")).await;
    assert_eq!(answer.status, 200, "other members are ignored");
}

/// What the issuer should send again is not taken for a replay then.
#[tokio::test]
async fn outages_leave_the_token_unused() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    let clock = Clock::held();
    let list = MemoryRevocations::with_clock(clock.clone());
    let verifier = JwtVerifier::from_jwks(server.url())
        .issuer(ISSUER)
        .audience("api")
        .clock(clock.clone())
        .revocations(list)
        .build()
        .unwrap();
    let app = app(&verifier, |logout| logout).await;
    server.say("503 Service Unavailable", "", "");
    let token = logout_token(&logout_claims());
    let unavailable = (400, json!({"error": "temporarily_unavailable"}).to_string());
    assert_eq!(send(&app, &token).await, unavailable);
    server.publish(&[P256.named("a")]);
    clock.advance(Duration::from_secs(2));
    assert_eq!(send(&app, &token).await, applied());
}

#[test]
fn endpoint_needs_a_list_and_issuers() {
    let keyed = || JwtVerifier::from_public_key(P256.pem());
    let list = MemoryRevocations::new;
    for (verifier, expected) in [
        (keyed().issuer(ISSUER), Some("needs a verifier with a list of revocations")),
        (keyed().revocations(list()), Some("whose sources of keys have an issuer")),
        (
            keyed().issuer(ISSUER).also_accept(keyed()).revocations(list()),
            Some("whose sources of keys have an issuer"),
        ),
        (keyed().issuer(ISSUER).revocations(list()), None),
    ] {
        let error = BackChannelLogout::new(verifier.build().unwrap(), "web").err();
        let error = error.map(|error| error.to_string());
        assert_eq!(error.is_some(), expected.is_some(), "{error:?}");
        assert!(error.unwrap_or_default().contains(expected.unwrap_or_default()));
    }
}
