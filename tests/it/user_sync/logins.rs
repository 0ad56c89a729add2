//! Users who log in get a row; requests wait for it only with `await_login`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::credential::BearerToken;
use aigc_auth::testing::{self, AuthCenter, TestKey};
use aigc_auth::user_sync::{SyncConfig, SyncMode, UserSync};
use aigc_auth::{ActAsUser, AuthError, AuthLayer, UserInfo, Verify};
use axum::Router;
use axum::routing::get;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::context::request_with_token;
use crate::support::{self, App, Log, center, get_as, serve, until};
use crate::user_sync::support::{Store, alone, config};

/// A service whose users are kept in step with this store.
struct Rig {
    center: AuthCenter,
    store: Store,
    sync: UserSync,
    app: App,
}

impl Rig {
    async fn new(store: Store, config: SyncConfig) -> Self {
        let center = center().await;
        let client = support::client(&center);
        let sync = UserSync::new(client.clone(), store.clone(), config).unwrap();
        let hook = sync.clone();
        let layer = AuthLayer::new(client).on_verified(move |user| hook.on_login(user));
        let app = serve(Router::new().route("/", get(|| async {})).layer(layer)).await;
        Self { center, store, sync, app }
    }

    async fn ask(&self, credential: &str) -> u16 {
        get_as(self.app.address, credential, "/").await.status
    }

    /// Waits until all that was begun is done.
    async fn settled(&self) -> Value {
        assert_eq!(self.sync.shutdown(Duration::from_secs(10)).await, 0);
        self.store.rows()
    }
}

fn logins(store: &Store) -> Vec<Value> {
    store.rows().as_array().unwrap().iter().map(|row| row["login"].clone()).collect()
}

#[tokio::test]
async fn fresh_verification_creates_row_once() {
    let rig = Rig::new(Store::new(), config()).await;
    for _ in 0..3 {
        assert_eq!(rig.ask("alice-token").await, 200);
    }
    let alice = json!([{"login": "alice", "nick": "Alice", "is_active": true, "password": "plain first"}]);
    assert_eq!(rig.settled().await, alice);
    assert_eq!(rig.store.calls(), ["find alice", "create alice"]);
    // Another credential of hers is fresh, and finds her there.
    assert_eq!(rig.ask("ak_alice").await, 200);
    assert_eq!(rig.settled().await, alice);
    assert_eq!(rig.store.calls().len(), 3);
    assert_eq!(rig.ask("unknown").await, 401);
    assert_eq!(rig.settled().await, alice);
}

#[tokio::test]
async fn hanging_store_does_not_delay_request() {
    let rig = Rig::new(Store::new(), config()).await;
    rig.store.hold();
    assert_eq!(rig.ask("alice-token").await, 200);
    until("the store is called", || rig.store.calls() == ["find alice"]).await;
    // Fresh each time, by one credential or another.
    for credential in ["ak_alice", "alice-token", "ak_alice"] {
        assert_eq!(rig.ask(credential).await, 200);
    }
    let alice = testing::user("alice").build();
    join_all((0..100).map(|_| rig.sync.on_login(alice.clone()))).await;
    assert_eq!(rig.store.calls(), ["find alice"]);
    rig.store.let_go();
    rig.settled().await;
    assert_eq!(rig.store.calls(), ["find alice", "create alice"]);
    assert_eq!(logins(&rig.store), ["alice"]);
}

#[tokio::test]
async fn await_login_waits_for_row() {
    let rig = Rig::new(Store::new(), config().await_login()).await;
    for (credential, rows) in [("alice-token", vec!["alice"]), ("bob-token", vec!["alice", "bob"])] {
        assert_eq!(rig.ask(credential).await, 200);
        assert_eq!(logins(&rig.store), rows);
    }
}

/// Takes every token for a username, without a cache.
#[derive(Clone)]
struct AcceptsAny;

impl Verify<BearerToken> for AcceptsAny {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        Ok(testing::user(token.as_str()).build())
    }
}

#[tokio::test(start_paused = true)]
async fn await_login_waits_at_most_5_s() {
    let store = Store::new();
    let sync = alone(&store, config().await_login());
    store.hold();
    let hook = sync.clone();
    let layer = AuthLayer::tokens_only(AcceptsAny).on_verified(move |user| hook.on_login(user));
    let app: Router = Router::new().route("/", get(|| async {})).layer(layer);
    let start = tokio::time::Instant::now();
    assert_eq!(app.oneshot(request_with_token("/", "alice")).await.unwrap().status(), 200);
    assert_eq!(start.elapsed().as_secs(), 5);
    store.let_go();
    assert_eq!(sync.shutdown(Duration::from_secs(1)).await, 0);
    assert_eq!(logins(&store), ["alice"]);
}

#[tokio::test]
async fn logins_over_max_logins_are_skipped_with_one_warning() {
    let (log, store) = (Log::start(), Store::new());
    let sync = alone(&store, config().max_logins(3));
    store.hold();
    let user = |n: usize| testing::user(format!("user-{n}")).build();
    for n in 0..20 {
        sync.on_login(user(n)).await;
    }
    // A login that is in flight already takes no other place.
    sync.on_login(user(0)).await;
    let lines = log.take();
    assert_eq!(lines.matches("too many logins wait for the legacy system").count(), 1, "{lines}");
    store.let_go();
    assert_eq!(sync.shutdown(Duration::from_secs(10)).await, 0);
    // Two users may share a lock, so that the third is written before the second.
    let mut written = logins(&store);
    written.sort_by_key(|name| name.as_str().map(str::to_owned));
    assert_eq!(written, ["user-0", "user-1", "user-2"]);
    sync.on_login(user(19)).await;
    assert_eq!(sync.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(logins(&store).len(), 4);
}

#[tokio::test]
async fn at_most_eight_logins_run_concurrently() {
    let store = Store::new();
    let sync = alone(&store, config());
    store.hold();
    for n in 0..100 {
        sync.on_login(testing::user(format!("user-{n}")).build()).await;
    }
    // Two of a lock's users are worked off one after the other.
    until("the store is called", || store.calls().len() >= 4).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(store.calls().len() <= 8, "{:?}", store.calls());
    store.let_go();
    assert_eq!(sync.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(logins(&store).len(), 100);
}

#[tokio::test]
async fn app_and_global_access_keys_create_no_row() {
    let rig = Rig::new(Store::new(), config().await_login()).await;
    rig.center.add_access_key("ak_app", TestKey::app(rig.center.app_id()));
    rig.center.add_access_key("ak_global", TestKey::global());
    for key in ["ak_app", "ak_global"] {
        assert_eq!(rig.ask(key).await, 200, "{key}");
    }
    assert_eq!((rig.store.calls(), rig.store.rows()), (vec![], json!([])));
    assert_eq!(rig.ask("ak_alice").await, 200);
    assert_eq!(logins(&rig.store), ["alice"]);
}

#[tokio::test]
async fn login_updates_row_only_with_update_on_login() {
    let old = || Store::of([json!({"login": "alice", "nick": "Al", "mail": "old@x", "is_active": false})]);
    for (config, credential, nick, mail) in [
        (config(), "alice-token", json!("Al"), json!("old@x")),
        (config().update_on_login(), "alice-token", json!("Alice"), json!("new@x")),
        // It comes without most of her fields, which says nothing of them.
        (config().update_on_login(), "ak_alice", json!("Al"), json!("old@x")),
    ] {
        let rig = Rig::new(old(), config.await_login()).await;
        rig.center.update_user("alice", |alice| alice.email("new@x"));
        assert_eq!(rig.ask(credential).await, 200);
        let row = &rig.store.rows()[0];
        assert_eq!((&row["nick"], &row["mail"]), (&nick, &mail), "{credential}");
        assert_eq!(row["password"], "old");
    }
}

#[tokio::test]
async fn failing_store_rejects_no_request() {
    let log = Log::start();
    for (what, config, expected) in [
        ("find", config(), "the table is broken at `find alice`"),
        ("create", config(), "the table is broken at `create alice`"),
        ("", SyncConfig::new(), "no user is created without a password policy"),
    ] {
        let rig = Rig::new(Store::new(), config.await_login()).await;
        rig.store.fail(what);
        assert_eq!(rig.ask("alice-token").await, 200);
        let lines = log.take();
        assert!(lines.contains("WARN") && lines.contains(expected), "{lines}");
        assert_eq!(rig.store.rows(), json!([]));
    }
    let panics = aigc_auth::user_sync::PasswordPolicy::mapped(|_, _| panic!("in the policy"));
    let rig = Rig::new(Store::new(), config().password_policy(panics).await_login()).await;
    assert_eq!((rig.ask("alice-token").await, rig.store.rows()), (200, json!([])));
    for direction in [SyncMode::LegacyToAuth, SyncMode::Off] {
        let rig = Rig::new(Store::new(), config().mode(direction).await_login()).await;
        assert_eq!((rig.ask("alice-token").await, rig.store.calls()), (200, vec![]), "{direction:?}");
    }
}

#[tokio::test]
async fn dropping_last_clone_cancels_tasks() {
    let store = Store::new();
    let sync = alone(&store, config());
    store.hold();
    let (clone, user) = (sync.clone(), testing::user("alice").build());
    sync.on_login(user.clone()).await;
    // Not begun: it holds a clone of its own.
    let idle = sync.on_login(user);
    until("the store is called", || store.calls().len() == 1).await;
    drop((sync, idle));
    let alive = store.held_by();
    drop(clone);
    until("the task is gone", || store.held_by() < alive).await;
    assert_eq!(store.held_by(), 1, "only this test holds the store");
    store.let_go();
    assert_eq!(store.rows(), json!([]));
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_timeout_and_returns_remaining() {
    let store = Store::new();
    let sync = alone(&store, config().timeout(Duration::from_secs(3_600)));
    assert_eq!(sync.shutdown(Duration::MAX).await, 0, "with nothing to do, at once");
    store.hold();
    for n in 0..5 {
        sync.on_login(testing::user(format!("user-{n}")).build()).await;
    }
    let start = tokio::time::Instant::now();
    assert_eq!(sync.shutdown(Duration::from_secs(7)).await, 5);
    assert_eq!(start.elapsed().as_secs(), 7);
    store.let_go();
    assert_eq!(sync.shutdown(Duration::from_secs(7)).await, 0);
    assert_eq!(store.rows(), json!([]), "what was left is ended");
}

#[tokio::test]
async fn hundred_requests_of_a_new_user_make_one_row_and_one_log_line() {
    let center = center().await;
    for is_cached in [true, false] {
        for config in [config(), config().await_login()] {
            let (store, log) = (Store::new(), Log::start());
            let client = support::client(&center);
            let sync = UserSync::new(client.clone(), store.clone(), config).unwrap();
            let hook = sync.clone();
            // Without a cache, every request is a fresh verification.
            let layer = if is_cached { AuthLayer::new(client) } else { AuthLayer::tokens_only(AcceptsAny) };
            let layer = layer.on_verified(move |user| hook.on_login(user));
            let app: Router = Router::new().route("/", get(|| async {})).layer(layer);
            let token = if is_cached { "alice-token" } else { "alice" };
            let requests = (0..100).map(|_| app.clone().oneshot(request_with_token("/", token)));
            for answer in join_all(requests).await {
                assert_eq!(answer.unwrap().status(), 200);
            }
            assert_eq!(sync.shutdown(Duration::from_secs(10)).await, 0);
            assert_eq!(logins(&store), ["alice"], "cached: {is_cached}");
            assert_eq!(store.calls().iter().filter(|call| call.starts_with("create")).count(), 1);
            let lines = log.take();
            let told: Vec<_> =
                lines.lines().filter(|line| line.contains(" INFO ") || line.contains(" WARN ")).collect();
            assert!(told.len() == 1 && told[0].contains("a user who logged in was created"), "{told:#?}");
        }
    }
}

/// The row is that of the verified user. Whom an admin acts as is known only later, and has claims of their own.
#[tokio::test]
async fn impersonators_claims_make_and_change_no_row_of_another() {
    let center = center().await;
    let id = |name: &str| {
        let users = center.users();
        users.iter().find(|user| user.username() == name).unwrap().id().to_string()
    };
    let bob = json!({"login": "bob", "nick": "as it was", "is_active": true});
    let store = Store::of([bob.clone()]);
    let client = support::client(&center);
    let config = config().await_login().update_on_login();
    let sync = UserSync::new(client.clone(), store.clone(), config).unwrap();
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let (hook, noted) = (sync.clone(), seen.clone());
    let layer = AuthLayer::new(client.clone()).on_verified(move |user| {
        let context = aigc_auth::context::current().unwrap();
        let names = [context.user(), context.actor()].map(|user| user.unwrap().username().to_owned());
        noted.lock().unwrap().extend([user.username().to_owned()].into_iter().chain(names));
        hook.on_login(user)
    });
    let acting = get(|who: ActAsUser| async move { who.user_id().to_string() });
    let app = serve(Router::new().route("/", acting).layer(layer)).await;
    for (target, expected) in [("alice", 200), ("bob", 200), ("alice", 200)] {
        client.invalidate("root-token");
        let headers = [("authorization", "Bearer root-token"), ("x-act-as-user-id", &*id(target))];
        let answer = support::get(app.address, "/", &headers).await;
        assert_eq!((answer.status, answer.body), (expected, id(target)));
        // Fresh for the hook is the admin alone.
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), ["root"; 3], "{target}");
    }
    assert_eq!(sync.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(logins(&store), ["bob", "root"], "alice has no row");
    assert_eq!(store.rows()[0]["nick"], "as it was");
}
