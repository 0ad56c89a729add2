//! Key sets that are found by their issuer's metadata.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::testing::Clock;
use axum::Router;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde_json::{Value, json};

use crate::jwt::support::{KeyServer, P256, P384, claims, now, pass, with};
use crate::support::{App, serve};

type Pages = Arc<Mutex<HashMap<String, String>>>;

/// An issuer whose documents a test sets.
struct Issuer {
    app: App,
    pages: Pages,
    asked: Arc<Mutex<Vec<String>>>,
}

const OPENID: &str = "/realms/one/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server/realms/one";

impl Issuer {
    async fn start() -> Self {
        let (pages, asked) = (Pages::default(), Arc::<Mutex<Vec<String>>>::default());
        let answer = |State((pages, asked)): State<(Pages, Arc<Mutex<Vec<String>>>)>, uri: Uri| async move {
            asked.lock().unwrap().push(uri.path().to_owned());
            pages.lock().unwrap().get(uri.path()).cloned().ok_or(StatusCode::NOT_FOUND)
        };
        let router = Router::new().fallback(answer).with_state((pages.clone(), asked.clone()));
        Self { app: serve(router).await, pages, asked }
    }

    fn base(&self) -> String {
        format!("http://{}", self.app.address)
    }

    fn url(&self) -> String {
        format!("{}/realms/one", self.base())
    }

    fn publish(&self, path: &str, document: &Value) {
        self.pages.lock().unwrap().insert(path.to_owned(), document.to_string());
    }

    fn metadata(&self) -> Value {
        json!({"issuer": self.url(), "jwks_uri": format!("{}/keys", self.base()), "more": {}})
    }

    /// The paths that were asked for since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn token(&self) -> String {
        P256.issue("ES256", Some("a"), &with(claims(), "iss", self.url()))
    }

    fn verifier(&self) -> JwtVerifierBuilder {
        JwtVerifier::from_issuer(self.url())
    }
}

#[tokio::test]
async fn keys_are_found_by_either_document_and_issuer_is_required() {
    for place in [OPENID, OAUTH] {
        let issuer = Issuer::start().await;
        issuer.publish(place, &issuer.metadata());
        issuer.publish("/keys", &json!({"keys": [P256.named("a")]}));
        let verifier = issuer.verifier().build().unwrap();
        assert!(issuer.asked().is_empty(), "nothing is fetched before the first token");
        assert!(verifier.user_info(&issuer.token()).await.is_ok(), "{place}");
        let found: &[_] = if place == OPENID { &[OPENID, "/keys"] } else { &[OPENID, OAUTH, "/keys"] };
        assert_eq!(issuer.asked(), found);
        let other = P256.issue("ES256", Some("a"), &with(claims(), "iss", issuer.base()));
        let error = verifier.user_info(&other).await.unwrap_err();
        assert!(error.detail().unwrap().contains("of another issuer"), "{error}");
    }
}

#[tokio::test]
async fn metadata_is_kept_for_an_hour_and_asked_for_again_after_a_failure() {
    let issuer = Issuer::start().await;
    issuer.publish(OPENID, &issuer.metadata());
    issuer.publish("/keys", &json!({"keys": [P256.named("a")]}));
    let clock = Clock::held();
    let verifier = issuer.verifier().clock(clock.clone()).build().unwrap();
    for (seconds, expected) in [
        (0, vec![OPENID, "/keys"]),
        (1_800, vec!["/keys"]),
        (1_799, vec!["/keys"]),
        (31, vec![OPENID, "/keys"]),
    ] {
        pass(&clock, seconds);
        verifier.fetch_keys().await.unwrap();
        assert_eq!(issuer.asked(), expected, "{seconds} s later");
    }
    // The keys move, and the old place is gone.
    issuer.pages.lock().unwrap().clear();
    issuer.publish(OPENID, &with(issuer.metadata(), "jwks_uri", format!("{}/new", issuer.base())));
    issuer.publish("/new", &json!({"keys": [P384.named("b")]}));
    pass(&clock, 30);
    assert!(verifier.fetch_keys().await.is_err());
    pass(&clock, 30);
    verifier.fetch_keys().await.unwrap();
    assert_eq!(issuer.asked(), ["/keys", OPENID, "/new"]);
    let lasting = with(claims(), "exp", now() + 100_000);
    let token = P384.issue("ES384", Some("b"), &with(lasting, "iss", issuer.url()));
    assert!(verifier.user_info(&token).await.is_ok());
}

#[tokio::test]
async fn metadata_that_cannot_be_trusted_is_refused() {
    let issuer = Issuer::start().await;
    issuer.publish("/keys", &json!({"keys": [P256.named("a")]}));
    let good = issuer.metadata();
    let (url, base) = (issuer.url(), issuer.base());
    for (document, said) in [
        (with(good.clone(), "issuer", base.clone()), "it is of another issuer"),
        (with(good.clone(), "issuer", format!("{url}/")), "they differ by a slash at the end, which counts"),
        (with(good.clone(), "issuer", Value::Null), "response is no issuer metadata"),
        (
            with(good.clone(), "jwks_uri", "http://keys.example/jwks"),
            "its `jwks_uri` is not https:// (host `keys.example`)",
        ),
        (with(good.clone(), "jwks_uri", "ftp://keys.example/jwks"), "its `jwks_uri` is not https://"),
        (with(good.clone(), "jwks_uri", "/keys"), "its `jwks_uri` is no URL"),
        (json!({"issuer": url}), "response is no issuer metadata"),
        (json!({"keys": [P256.named("a")]}), "response is no issuer metadata"),
        (with(good.clone(), "more", "x".repeat(10 * 1024 * 1024)), "over 1 MiB"),
        (with(good.clone(), "jwks_uri", format!("{base}/none")), "expected a success status, got 404"),
    ] {
        issuer.publish(OPENID, &document);
        let error = issuer.verifier().build().unwrap().user_info(&issuer.token()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{said}: {error}");
        assert!(error.detail().unwrap().contains(said), "{said}: {error}");
    }
    issuer.publish(OPENID, &with(good.clone(), "jwks_uri", "http://keys.example/jwks"));
    let insecure = issuer.verifier().insecure_plain_http().build().unwrap();
    let error = insecure.user_info(&issuer.token()).await.unwrap_err();
    assert!(error.detail().unwrap().contains("keys.example/jwks: request failed"), "{error}");

    // And nowhere else: neither the metadata nor what they name is looked for behind a redirect.
    let elsewhere = KeyServer::start(&[P256.named("a")]).await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let moved = KeyServer::start(&[]).await;
        moved.say(status, &format!("location: {}\r\n", elsewhere.url()), "");
        let at = moved.url().replace("/keys", "");
        let token = P256.issue("ES256", Some("a"), &with(claims(), "iss", &*at));
        let error = JwtVerifier::from_issuer(&at).build().unwrap().user_info(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let said = format!("/.well-known/openid-configuration: the response is a redirect, {}", &status[..3]);
        assert!(error.detail().unwrap().contains(&said), "{error}");
        assert_eq!((moved.requests(), elsewhere.requests()), (1, 0));
        issuer.publish(OPENID, &with(good.clone(), "jwks_uri", moved.url()));
        let error = issuer.verifier().build().unwrap().user_info(&issuer.token()).await.unwrap_err();
        assert!(error.detail().unwrap().contains("/keys: the response is a redirect"), "{error}");
        assert_eq!((moved.requests(), elsewhere.requests()), (2, 0));
    }

    for (url, said) in [
        ("http://issuer.example", "invalid issuer: it is not https://"),
        ("issuer.example", "invalid issuer: cannot parse it"),
        ("https://user:pass-word@issuer.example", "invalid issuer: it must not contain a user name"),
    ] {
        let error = JwtVerifier::from_issuer(url).build().expect_err(url).to_string();
        assert!(error.contains(said) && !error.contains("pass-word"), "{error}");
    }
}
