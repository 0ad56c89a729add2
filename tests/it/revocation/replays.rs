//! Log-out tokens that come again: once is enough, and not at all is too seldom.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aigc_auth::jwt::JwtVerifier;
use aigc_auth::revocation::{
    BackChannelLogout, MemoryRevocations, Revocation, RevocationError, RevocationStatus, Revocations,
    TokenIds,
};
use aigc_auth::webhook::{ReplayMemory, ReplayMemoryError, ReplayTag};
use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::jwt::support::{P256, now};

const ISSUER: &str = "https://login.example.com";

/// A list whose first write hangs or fails, as one over a network may.
#[derive(Default)]
struct Stumbling {
    fails: bool,
    has_stumbled: AtomicBool,
    list: MemoryRevocations,
}

impl Revocations for Stumbling {
    fn version(&self) -> u64 {
        self.list.version()
    }

    fn status(&self, ids: &TokenIds) -> RevocationStatus {
        self.list.status(ids)
    }

    async fn is_revoked(&self, ids: &TokenIds) -> Result<bool, RevocationError> {
        self.list.is_revoked(ids).await
    }

    async fn revoke(&self, revocation: &Revocation, until: SystemTime) -> Result<(), RevocationError> {
        if !self.has_stumbled.swap(true, Ordering::SeqCst) {
            return if self.fails { Err("no connection".into()) } else { pending().await };
        }
        self.list.revoke(revocation, until).await
    }
}

/// Keeps what it is asked to remember, and for how long.
#[derive(Default)]
struct Journal {
    fails: bool,
    asked: Mutex<Vec<(&'static str, Duration)>>,
}

impl Journal {
    fn note(&self, what: &'static str, ttl: Duration) -> Result<(), ReplayMemoryError> {
        self.asked.lock().unwrap().push((what, ttl));
        if self.fails { Err("no connection".into()) } else { Ok(()) }
    }

    fn take(&self) -> Vec<(&'static str, Duration)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl ReplayMemory for Journal {
    async fn get(&self, keys: &[ReplayTag]) -> Result<Vec<Option<ReplayTag>>, ReplayMemoryError> {
        Ok(vec![None; keys.len()])
    }

    async fn set(&self, _: &[(ReplayTag, ReplayTag)], ttl: Duration) -> Result<(), ReplayMemoryError> {
        self.note("set", ttl)
    }

    async fn claim(&self, _: ReplayTag, ttl: Duration) -> Result<bool, ReplayMemoryError> {
        self.note("claim", ttl).map(|()| true)
    }

    async fn release(&self, _: ReplayTag) -> Result<(), ReplayMemoryError> {
        self.note("release", Duration::ZERO)
    }
}

fn endpoint(list: impl Revocations) -> BackChannelLogout {
    let verifier =
        JwtVerifier::from_public_key(P256.pem()).issuer(ISSUER).audience("api").revocations(list).build();
    BackChannelLogout::new(verifier.unwrap(), "web").unwrap()
}

/// A log-out token that expires in so many seconds.
fn token(life: u64) -> String {
    let events: Value = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let claims = json!({"iss": ISSUER, "aud": "web", "iat": now(), "exp": now() + life, "jti": "l-1", "sid": "s",
        "events": events});
    let header = json!({"alg": "ES256", "typ": "logout+jwt"});
    P256.token("ES256", header.to_string(), claims.to_string())
}

fn request(token: &str) -> Request<Body> {
    Request::post("/backchannel-logout")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("logout_token={token}").into())
        .unwrap()
}

async fn send(app: &Router, token: &str) -> u16 {
    app.clone().oneshot(request(token)).await.unwrap().status().as_u16()
}

/// The issuer gives up waiting, or its connection breaks, before the log-out is written.
#[tokio::test]
async fn token_of_a_request_that_was_dropped_can_be_sent_again() {
    let app: Router = endpoint(Stumbling::default()).router();
    let token = token(120);
    assert!(app.clone().oneshot(request(&token)).now_or_never().is_none(), "it waits for the list");
    assert_eq!((send(&app, &token).await, send(&app, &token).await), (200, 400));
}

/// In a shared memory nobody can release it then: it is claimed for the time that applying it takes, and kept afterwards.
#[tokio::test]
async fn shared_memory_keeps_what_was_applied_for_as_long_as_it_is_accepted() {
    let (journal, list) = (Arc::new(Journal::default()), Stumbling::default());
    let app: Router = endpoint(list).replay_memory(journal.clone()).router();
    let (claimed, year) = (("claim", Duration::from_secs(10)), 365 * 24 * 60 * 60);
    let token = token(year);
    assert!(app.clone().oneshot(request(&token)).now_or_never().is_none(), "it waits for the list");
    assert_eq!(journal.take(), [claimed]);
    assert_eq!(send(&app, &token).await, 200);
    let [first, ("set", kept)] = journal.take()[..] else { panic!("expected a claim, and what is kept") };
    assert_eq!(first, claimed);
    // 2 minutes after `iat` it is refused as too old, whatever `exp` says; clocks may differ by 5 minutes.
    assert_eq!(kept, Duration::from_secs(120 + 2 * 300));
}

/// What could not be applied is released at once; a memory that fails lets each one be applied: twice does no harm, not at all does.
#[tokio::test]
async fn shared_memory_or_list_that_fails_costs_no_log_out() {
    let asked = |journal: &Journal| journal.take().into_iter().map(|(what, _)| what).collect::<Vec<_>>();
    for fails in [false, true] {
        let journal = Arc::new(Journal { fails, ..Journal::default() });
        let list = Arc::new(Stumbling { fails: true, ..Stumbling::default() });
        let app: Router = endpoint(list.clone()).replay_memory(journal.clone()).router();
        let token = token(120);
        assert_eq!(send(&app, &token).await, 400, "the list has failed");
        assert_eq!(asked(&journal), ["claim", "release"]);
        assert_eq!(send(&app, &token).await, 200);
        assert_eq!(asked(&journal), ["claim", "set"]);
        assert_eq!(list.list.len(), 1);
    }
}
