//! `on_verified`: once for each fresh verification.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::context::{self};
use aigc_auth::credential::BearerToken;
use aigc_auth::error::ErrorKind;
use aigc_auth::{AuthError, AuthLayer, CurrentUser, UserInfo, Verify};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

use crate::support::context::{empty_snapshot, request_with_token, snapshot};
use crate::support::{self, center, client, get_as, serve};

/// What a hook noted.
type Notes = Arc<Mutex<Vec<String>>>;

fn noting(layer: AuthLayer) -> (AuthLayer, Notes) {
    let notes = Notes::default();
    let noted = notes.clone();
    let layer = layer.on_verified(move |user| {
        let noted = noted.clone();
        async move {
            tokio::task::yield_now().await;
            noted.lock().unwrap().push(user.username().to_string());
        }
    });
    (layer, notes)
}

fn taken(notes: &Notes) -> Vec<String> {
    std::mem::take(&mut notes.lock().unwrap())
}

#[tokio::test]
async fn hook_runs_once_for_concurrent_cold_requests() {
    let center = center().await;
    let (layer, notes) = noting(support::auth(&center));
    let app = Router::new().route("/me", get(|user: CurrentUser| async move { user.username().to_string() }));
    let app = app.layer(layer);
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        requests.spawn(app.clone().oneshot(request_with_token("/me", "alice-token")));
    }
    for answer in requests.join_all().await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    assert_eq!((taken(&notes), center.calls("/user/info")), (vec!["alice".to_owned()], 1));
}

#[tokio::test]
async fn hook_runs_for_fresh_verifications_only() {
    let center = center().await;
    let client = client(&center);
    let (layer, notes) = noting(AuthLayer::new(client.clone()).allow_anonymous().exclude_path("/open"));
    let app = serve(Router::new().fallback(|| async {}).layer(layer)).await;
    // A lookup without a request is still fresh to the first request.
    let bob_id = client.user_info("bob-token").await.unwrap().id().clone();
    let invalidate: [(&str, &dyn Fn()); 4] = [
        ("nothing", &|| {}),
        ("the token", &|| client.invalidate("bob-token")),
        ("the user", &|| client.invalidate_user(bob_id.clone())),
        ("everything", &|| client.clear_cache()),
    ];
    for (what, invalidate) in invalidate {
        invalidate();
        for expected in [vec!["bob"], vec![], vec![]] {
            get_as(app.address, "bob-token", "/").await;
            assert_eq!(taken(&notes), expected, "after {what} was invalidated");
        }
    }
    for (what, path, credential, expected) in [
        ("a token", "/", "alice-token", vec!["alice"]),
        ("another credential of the same user", "/", "ak_alice", vec!["alice"]),
        ("a refused one", "/", "unknown", vec![]),
        ("a malformed one", "/", "b a d", vec![]),
        ("an excluded path", "/open", "root-token", vec![]),
        ("the same, elsewhere", "/", "root-token", vec!["root"]),
    ] {
        get_as(app.address, credential, path).await;
        assert_eq!(taken(&notes), expected, "{what}");
    }
}

#[tokio::test]
async fn hook_runs_in_request_context_before_handler() {
    let center = center().await;
    let seen = Arc::<Mutex<Vec<Value>>>::default();
    let hook_saw = seen.clone();
    let layer = support::auth(&center).on_verified(move |_| {
        let seen = hook_saw.clone();
        async move {
            tokio::task::yield_now().await;
            seen.lock().unwrap().push(snapshot());
        }
    });
    let handler = move || async move { Json(json!([seen.lock().unwrap().clone(), snapshot()])) };
    let app = serve(Router::new().route("/", get(handler)).layer(layer)).await;
    let headers = [("authorization", "Bearer alice-token"), ("x-trace-id", "t-1")];
    let answer = support::get(app.address, "/", &headers).await.json();
    assert_eq!(answer[0], json!([answer[1]]));
    assert_eq!((&answer[1]["username"], &answer[1]["trace_id"]), (&json!("alice"), &json!("t-1")));
    assert_eq!(snapshot(), empty_snapshot());
}

/// Takes every token for a username, and counts the verifications.
#[derive(Clone, Default)]
struct AcceptsAny(Arc<AtomicUsize>, Arc<Mutex<Option<UserInfo>>>);

impl Verify<BearerToken> for AcceptsAny {
    fn try_verify(&self, _: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        self.1.lock().unwrap().clone().map(Ok)
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if token.as_str() == "unknown" {
            return Err(ErrorKind::InvalidCredential.into());
        }
        let user = UserInfo::builder(1, token.as_str()).build();
        *self.1.lock().unwrap() = Some(user.clone());
        Ok(user)
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_hook_delays_one_request_by_5_s() {
    let runs = Arc::<AtomicUsize>::default();
    let counted = runs.clone();
    let layer = AuthLayer::tokens_only(AcceptsAny::default()).on_verified(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::pending()
    });
    let app: Router = Router::new().route("/", get(|| async { snapshot().to_string() })).layer(layer);
    let start = tokio::time::Instant::now();
    let held_up = tokio::spawn(app.clone().oneshot(request_with_token("/", "alice")));
    while runs.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        assert_eq!(app.clone().oneshot(request_with_token("/", "alice")).await.unwrap().status(), 200);
    }
    assert_eq!(start.elapsed(), Duration::ZERO, "the other requests did not wait");
    assert_eq!(held_up.await.unwrap().unwrap().status(), 200, "it is not refused for it");
    let waited = start.elapsed().as_millis();
    assert!((5_000..5_010).contains(&waited), "{waited} ms");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn panicking_hook_fails_one_request() {
    for at_once in [true, false] {
        let verifier = AcceptsAny::default();
        let layer = AuthLayer::tokens_only(verifier.clone()).on_verified(move |_| {
            assert!(!at_once, "in the hook");
            async {
                tokio::task::yield_now().await;
                panic!("in its future")
            }
        });
        let app: Router =
            Router::new().route("/", get(|| async {})).layer(layer).layer(CatchPanicLayer::new());
        for expected in [500, 200, 200] {
            let answer = app.clone().oneshot(request_with_token("/", "alice")).await.unwrap();
            assert_eq!(answer.status(), expected, "at once: {at_once}");
            assert!(context::current().is_none());
        }
        assert_eq!(verifier.0.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn hook_passes_to_next_request_if_first_disconnects() {
    let center = center().await;
    center.delay(Duration::from_millis(30));
    let (layer, notes) = noting(support::auth(&center));
    let app: Router = Router::new().route("/", get(|| async {})).layer(layer);
    let hangs_up = tokio::spawn(app.clone().oneshot(request_with_token("/", "alice-token")));
    while center.calls("/user/info") == 0 {
        tokio::task::yield_now().await;
    }
    hangs_up.abort();
    assert!(hangs_up.await.unwrap_err().is_cancelled());
    assert_eq!(app.oneshot(request_with_token("/", "alice-token")).await.unwrap().status(), StatusCode::OK);
    assert_eq!((taken(&notes), center.calls("/user/info")), (vec!["alice".to_owned()], 1));
}

#[tokio::test]
async fn interrupted_hook_reruns_for_next_request() {
    let (started, finished) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counted = (started.clone(), finished.clone());
    let layer = AuthLayer::tokens_only(AcceptsAny::default()).on_verified(move |_| {
        let (started, finished) = counted.clone();
        async move {
            // The first one never comes to an end.
            if started.fetch_add(1, Ordering::SeqCst) == 0 {
                std::future::pending::<()>().await;
            }
            finished.fetch_add(1, Ordering::SeqCst);
        }
    });
    let app: Router = Router::new().route("/", get(|| async {})).layer(layer);
    let hangs_up = tokio::spawn(app.clone().oneshot(request_with_token("/", "alice")));
    while started.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    hangs_up.abort();
    assert!(hangs_up.await.unwrap_err().is_cancelled());
    for _ in 0..3 {
        assert_eq!(
            app.clone().oneshot(request_with_token("/", "alice")).await.unwrap().status(),
            StatusCode::OK
        );
    }
    assert_eq!((started.load(Ordering::SeqCst), finished.load(Ordering::SeqCst)), (2, 1));
}
