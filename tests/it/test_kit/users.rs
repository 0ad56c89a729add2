use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aigc_auth::testing::{self, UsageLog};
use aigc_auth::{ActAsUser, AuthLayer, CurrentUser, context};
use axum::Router;
use axum::routing::get;

use super::ask;

#[tokio::test]
async fn one_app_has_several_users_by_token() {
    let (usage, fresh) = (UsageLog::new(), Arc::new(AtomicUsize::new(0)));
    let users = testing::users([
        ("alice-token", testing::user("alice")),
        ("ak_alice", testing::user("alice")),
        ("root-token", testing::user("root").admin(true)),
    ]);
    assert!(!format!("{users:?}").contains("token"), "{users:?}");
    let counted = fresh.clone();
    let auth = AuthLayer::new(users).with_stats(usage.clone()).on_verified(move |_| {
        let fresh = counted.clone();
        async move {
            fresh.fetch_add(1, Ordering::Relaxed);
        }
    });
    let app = Router::new()
        .route("/me", get(|user: CurrentUser| async move { user.username().to_owned() }))
        .route("/target", get(|user: ActAsUser| async move { user.user_id().to_string() }))
        .route("/token", get(|| async { context::credential().unwrap().as_str().to_owned() }))
        .layer(auth);
    let alice = testing::user_id("alice").to_string();
    let act_as = ("x-act-as-user-id", &*alice);
    let no_one = ("x-act-as-user-id", "1");
    for (credential, path, header, expected) in [
        ("alice-token", "/me", None, (200, "alice")),
        ("ak_alice", "/me", None, (200, "alice")),
        ("root-token", "/me", None, (200, "root")),
        ("alice-token", "/token", None, (200, "alice-token")),
        ("root-token", "/target", Some(act_as), (200, &*alice)),
        ("root-token", "/target", Some(no_one), (404, "There is no such user")),
        ("alice-token", "/target", Some(no_one), (403, "")),
        ("unknown", "/me", None, (401, "invalid")),
        ("ak_unknown", "/me", None, (401, "invalid")),
    ] {
        let bearer = format!("Bearer {credential}");
        let headers: Vec<_> = [("authorization", &*bearer)].into_iter().chain(header).collect();
        let (status, body) = ask(&app, path, &headers).await;
        assert_eq!(status, expected.0, "{credential} {path}: {body}");
        assert!(body.contains(expected.1), "{credential} {path}: {body}");
    }
    assert_eq!(ask(&app, "/me", &[]).await.0, 401);
    assert_eq!(fresh.load(Ordering::Relaxed), 3, "once for each, as after a lookup");
    let statuses: Vec<_> = usage.records().iter().map(|record| record.status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 404, 403], "nobody is billed for invalid credentials");
    assert!(usage.records().iter().all(|record| record.is_billable && record.user.is_some()));
}
