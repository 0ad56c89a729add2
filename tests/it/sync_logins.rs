//! Those who log in get a row, and no request waits for it unless it is told to.

use std::time::Duration;

use aigc_auth::sync::{Direction, SyncConfig, UserSync};
use aigc_auth::testing::{self, AuthCenter, TestKey};
use aigc_auth::{AuthError, AuthLayer, BearerToken, UserInfo, Verify};
use axum::Router;
use axum::routing::get;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::center_support::until;
use crate::context::of;
use crate::support::{self, App, Log, center, get_as, serve};
use crate::sync_support::{Store, alone, config};

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
async fn a_fresh_verification_makes_a_row_and_a_known_one_asks_nothing() {
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
async fn the_request_is_answered_while_the_store_hangs_and_the_log_in_is_done_once() {
    let rig = Rig::new(Store::new(), config()).await;
    rig.store.hold();
    assert_eq!(rig.ask("alice-token").await, 200);
    until("the store is asked", || rig.store.calls() == ["find alice"]).await;
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
async fn a_request_waits_for_its_row_where_it_is_told_to() {
    let rig = Rig::new(Store::new(), config().await_login()).await;
    for (credential, rows) in [("alice-token", vec!["alice"]), ("bob-token", vec!["alice", "bob"])] {
        assert_eq!(rig.ask(credential).await, 200);
        assert_eq!(logins(&rig.store), rows);
    }
}

/// Knows everybody by his token, afresh each time.
#[derive(Clone)]
struct Knows;

impl Verify<BearerToken> for Knows {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        Ok(testing::user(token.as_str()).build())
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_five_seconds_at_most_and_the_row_is_made_all_the_same() {
    let store = Store::new();
    let sync = alone(&store, config().await_login());
    store.hold();
    let hook = sync.clone();
    let layer = AuthLayer::tokens_only(Knows).on_verified(move |user| hook.on_login(user));
    let app: Router = Router::new().route("/", get(|| async {})).layer(layer);
    let start = tokio::time::Instant::now();
    assert_eq!(app.oneshot(of("/", "alice")).await.unwrap().status(), 200);
    assert_eq!(start.elapsed().as_secs(), 5);
    store.let_go();
    assert_eq!(sync.shutdown(Duration::from_secs(1)).await, 0);
    assert_eq!(logins(&store), ["alice"]);
}

#[tokio::test]
async fn more_log_ins_than_may_wait_are_left_to_the_next_time_with_one_warning() {
    let (log, store) = (Log::start(), Store::new());
    let sync = alone(&store, config().max_logins(3));
    store.hold();
    let user = |n: usize| testing::user(format!("user-{n}")).build();
    for n in 0..20 {
        sync.on_login(user(n)).await;
    }
    // For those who are under way already there is room.
    sync.on_login(user(0)).await;
    let lines = log.take();
    assert_eq!(lines.matches("too many log-ins wait for the legacy system").count(), 1, "{lines}");
    store.let_go();
    assert_eq!(sync.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(logins(&store), ["user-0", "user-1", "user-2"]);
    sync.on_login(user(19)).await;
    assert_eq!(sync.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(logins(&store).len(), 4);
}

#[tokio::test]
async fn eight_log_ins_are_worked_off_at_a_time() {
    let store = Store::new();
    let sync = alone(&store, config());
    store.hold();
    for n in 0..100 {
        sync.on_login(testing::user(format!("user-{n}")).build()).await;
    }
    // Two of a lock's users are worked off one after the other.
    until("the store is asked", || store.calls().len() >= 4).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(store.calls().len() <= 8, "{:?}", store.calls());
    store.let_go();
    assert_eq!(sync.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(logins(&store).len(), 100);
}

#[tokio::test]
async fn access_keys_of_apps_and_global_ones_are_nobodys() {
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
async fn rows_are_brought_up_to_date_at_log_ins_only_where_it_is_wanted() {
    let old = || Store::of([json!({"login": "alice", "nick": "Al", "mail": "old@x", "is_active": false})]);
    for (config, credential, nick, mail) in [
        (config(), "alice-token", json!("Al"), json!("old@x")),
        (config().update_on_login(), "alice-token", json!("Alice"), json!("new@x")),
        // It comes without most of her fields, which says nothing of them.
        (config().update_on_login(), "ak_alice", json!("Al"), json!("old@x")),
    ] {
        let rig = Rig::new(old(), config.await_login()).await;
        rig.center.update_user("alice", |alice| alice.email = Some("new@x".into()));
        assert_eq!(rig.ask(credential).await, 200);
        let row = &rig.store.rows()[0];
        assert_eq!((&row["nick"], &row["mail"]), (&nick, &mail), "{credential}");
        assert_eq!(row["password"], "old");
    }
}

#[tokio::test]
async fn whatever_becomes_of_the_row_nobody_is_refused() {
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
    let panics = aigc_auth::sync::PasswordPolicy::mapped(|_, _| panic!("in the policy"));
    let rig = Rig::new(Store::new(), config().passwords(panics).await_login()).await;
    assert_eq!((rig.ask("alice-token").await, rig.store.rows()), (200, json!([])));
    for direction in [Direction::LegacyToAuth, Direction::Off] {
        let rig = Rig::new(Store::new(), config().direction(direction).await_login()).await;
        assert_eq!((rig.ask("alice-token").await, rig.store.calls()), (200, vec![]), "{direction:?}");
    }
}

#[tokio::test]
async fn nothing_outlives_the_last_clone() {
    let store = Store::new();
    let sync = alone(&store, config());
    store.hold();
    let (clone, user) = (sync.clone(), testing::user("alice").build());
    sync.on_login(user.clone()).await;
    // Not begun: it holds a clone of its own.
    let idle = sync.on_login(user);
    until("the store is asked", || store.calls().len() == 1).await;
    drop((sync, idle));
    let alive = store.held_by();
    drop(clone);
    until("the task is gone", || store.held_by() < alive).await;
    assert_eq!(store.held_by(), 1, "nobody but this test holds the store");
    store.let_go();
    assert_eq!(store.rows(), json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_until_its_deadline_and_tells_what_is_left() {
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
