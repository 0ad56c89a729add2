//! Lists of a test's own: how often they are asked, and what happens when they fail.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aigc_auth::credential::BearerToken;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::revocation::{
    Revocation, RevocationError, RevocationFailure, RevocationStatus, Revocations, TokenIds,
};
use aigc_auth::{Verify, testing::Clock};
use serde_json::json;

use crate::jwt::support::{SECRET, greeting};
use crate::revocation::support::{ACCEPTED, outcome, revoked, token};
use crate::support::get_as;

/// What a list says of each token, and when it is asked.
struct Scripted {
    version: AtomicU64,
    status: RevocationStatus,
    answer: fn() -> Option<Result<bool, RevocationError>>,
    looked: AtomicUsize,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(version: u64, status: RevocationStatus) -> Arc<Self> {
        Self::answering(version, status, || Some(Ok(false)))
    }

    fn answering(
        version: u64,
        status: RevocationStatus,
        answer: fn() -> Option<Result<bool, RevocationError>>,
    ) -> Arc<Self> {
        let version = version.into();
        Arc::new(Self { version, status, answer, looked: 0.into(), asked: 0.into() })
    }

    fn verifier(self: &Arc<Self>) -> JwtVerifierBuilder {
        JwtVerifier::from_secret(SECRET).revocations(self.clone())
    }

    fn counts(&self) -> (usize, usize) {
        (self.looked.load(Ordering::SeqCst), self.asked.load(Ordering::SeqCst))
    }
}

impl Revocations for Scripted {
    fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    fn status(&self, _: &TokenIds) -> RevocationStatus {
        self.looked.fetch_add(1, Ordering::SeqCst);
        self.status
    }

    async fn is_revoked(&self, _: &TokenIds) -> Result<bool, RevocationError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match (self.answer)() {
            Some(answer) => answer,
            None => pending().await,
        }
    }

    async fn revoke(&self, _: &Revocation, _: SystemTime) -> Result<(), RevocationError> {
        match (self.answer)() {
            Some(answer) => answer.map(drop),
            None => pending().await,
        }
    }
}

#[tokio::test]
async fn token_is_looked_up_once_a_version() {
    let list = Scripted::new(1, RevocationStatus::Valid);
    let verifier = list.verifier().build().unwrap();
    let token = token(&json!({"jti": "a"}));
    for _ in 0..100 {
        assert_eq!(outcome(&verifier, &token).await, ACCEPTED);
    }
    assert_eq!(list.counts(), (1, 0));
    list.version.store(2, Ordering::SeqCst);
    for _ in 0..100 {
        assert_eq!(outcome(&verifier, &token).await, ACCEPTED);
    }
    assert_eq!(list.counts(), (2, 0));
    // Each time, where the list says so.
    list.version.store(0, Ordering::SeqCst);
    for _ in 0..100 {
        assert_eq!(outcome(&verifier, &token).await, ACCEPTED);
    }
    assert_eq!(list.counts(), (102, 0));
}

#[tokio::test]
async fn list_is_asked_only_while_it_does_not_know() {
    let list = Scripted::answering(1, RevocationStatus::Unknown, || Some(Ok(true)));
    let verifier = list.verifier().build().unwrap();
    let token = token(&json!({"jti": "a"}));
    assert!(Verify::try_verify(&verifier, &BearerToken::new(&token).unwrap()).is_none(), "never waits");
    assert_eq!(list.counts().1, 0);
    assert_eq!(outcome(&verifier, &token).await, revoked());
    assert_eq!(list.counts().1, 1);
    let list = Scripted::answering(1, RevocationStatus::Revoked, || Some(Ok(false)));
    assert_eq!(outcome(&list.verifier().build().unwrap(), &token).await, revoked());
    assert_eq!(list.counts().1, 0);
}

#[tokio::test(start_paused = true)]
async fn failing_list_is_open_or_closed_as_configured() {
    let fails: fn() -> Option<Result<bool, RevocationError>> = || Some(Err("no connection".into()));
    for (answer, waits) in [(fails, Duration::ZERO), (|| None, Duration::from_secs(1))] {
        let list = Scripted::answering(0, RevocationStatus::Unknown, answer);
        let token = token(&json!({"jti": "a"}));
        for (failure, expected) in [
            (RevocationFailure::Open, ACCEPTED),
            (RevocationFailure::Closed, (503, "cannot ask whether the token has been revoked".to_owned())),
        ] {
            let started = tokio::time::Instant::now();
            let verifier = list.verifier().revocation_failure(failure).build().unwrap();
            assert_eq!(outcome(&verifier, &token).await, expected);
            assert_eq!(started.elapsed().as_secs(), waits.as_secs(), "{failure:?}");
        }
        // The default.
        assert_eq!(outcome(&list.verifier().build().unwrap(), &token).await, ACCEPTED);
        let error = list.verifier().build().unwrap().revoke(&token).await.unwrap_err();
        assert_eq!(error.status().as_u16(), 503, "nobody else may know");
    }
}

#[tokio::test]
async fn unknown_is_answered_503_and_never_401() {
    let list = Scripted::answering(0, RevocationStatus::Unknown, || Some(Err("no connection".into())));
    let verifier = list.verifier().revocation_failure(RevocationFailure::Closed).build().unwrap();
    let app = greeting(&verifier).await;
    let answer = get_as(app.address, &token(&json!({"jti": "a"})), "/").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.header("www-authenticate"), None);
    // A token that is no good is rejected all the same.
    let answer = get_as(app.address, &token(&json!({"jti": "a", "aud": "another"})), "/").await;
    assert_eq!(answer.status, 401);
}

/// A hundred requests at once, while the list changes: none is served by what was known before.
#[tokio::test]
async fn change_is_seen_by_whoever_asks_after_it() {
    let clock = Clock::default();
    let verifier = crate::revocation::support::builder(&clock).build().unwrap();
    let tokens: Vec<_> = (0..100).map(|jti| token(&json!({"jti": jti}))).collect();
    for token in &tokens {
        assert_eq!(outcome(&verifier, token).await, ACCEPTED);
    }
    let revoking = futures_util::future::join_all(tokens.iter().map(|token| {
        let (verifier, token) = (verifier.clone(), token.clone());
        tokio::spawn(async move {
            verifier.revoke(&token).await.unwrap();
            outcome(&verifier, &token).await
        })
    }));
    for seen in revoking.await {
        assert_eq!(seen.unwrap(), revoked());
    }
}
