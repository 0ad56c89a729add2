//! Each kind of invalidation reaches each cache of each replica, once.

use aigc_auth::cached::Cached;
use aigc_auth::cluster::{Cluster, RedisCluster};
use aigc_auth::credential::BearerToken;
use aigc_auth::error::ErrorKind;
use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::tenant::{CachedMemberships, Membership, Memberships, NoMembership, OrgId};
use aigc_auth::testing;
use aigc_auth::{AuthClient, AuthError, UserId, UserInfo, Verify};

use crate::cluster::support::{APP, APP_SECRET, Replica, pair, settle};
use crate::support::redis_server::{PATIENCE, RedisServer};
use crate::support::{until, until_async};

/// What an invalidation is called by, and whether bob stays.
type Kind = (&'static str, fn(&AuthClient), bool);

const KINDS: [Kind; 8] = [
    ("a user", |client| client.invalidate_user(7), true),
    ("a user by a string", |client| client.invalidate_user("7"), true),
    ("a username", |client| client.invalidate_username("alice"), true),
    ("a token", |client| client.invalidate("alice-token"), true),
    ("a token in a header, padded", |client| client.invalidate("bearer alice-token="), true),
    ("everything", AuthClient::clear_cache, false),
    ("an event", |client| client.apply(&Invalidation::of(Some(7.into()), Some("alice"))), true),
    ("an event of an unknown user", |client| client.apply(&Invalidation::of(None, None)), false),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_reaches_the_other_replicas() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = [
        Replica::start(server.url()).await,
        Replica::start(server.url()).await,
        Replica::start(server.url()).await,
    ];
    settle(&replicas).await;
    for (at, (what, invalidate, bob_stays)) in KINDS.into_iter().enumerate() {
        replicas.iter().for_each(Replica::fill);
        assert!(replicas.iter().all(|replica| replica.has("alice") && replica.has("bob")), "{what}");
        invalidate(&replicas[at % 3].client);
        assert!(!replicas[at % 3].has("alice"), "{what}: here at once");
        for replica in &replicas {
            until(what, || !replica.has("alice")).await;
            assert_eq!(replica.has("bob"), bob_stays, "{what}");
        }
        // What comes again, such as a replica's own, has come before the next.
        settle(&replicas).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_heard_is_not_sent_again() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = pair(server.url(), server.url()).await;
    let before = server.calls(&["publish"]).await;
    for id in 100..200 {
        replicas[0].client.invalidate_user(id);
        // One at a time, so that none waits beside an equal one.
        replicas[0].cluster.spread().await.unwrap();
    }
    settle(&replicas).await;
    assert_eq!(
        server.calls(&["publish"]).await - before,
        102,
        "a hundred, and those of two replicas at the end"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_equal_invalidations_are_sent_a_few_times() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = pair(server.url(), server.url()).await;
    let before = server.calls(&["publish"]).await;
    (0..1_000).for_each(|_| replicas[0].client.invalidate_user(7));
    replicas[0].cluster.spread().await.unwrap();
    let sent = server.calls(&["publish"]).await - before;
    assert!((1..100).contains(&sent), "{sent}");
    replicas[1].loses("alice").await;
}

/// Tokens of sessions.
struct Sessions;

impl Verify<BearerToken> for Sessions {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        match token.as_str() {
            "alice-session" => Ok(UserInfo::builder(7, "alice").build()),
            "bob-session" => Ok(UserInfo::builder(8, "bob").build()),
            _ => Err(ErrorKind::InvalidCredential.into()),
        }
    }
}

struct Members;

impl Memberships for Members {
    async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Result<Membership, AuthError> {
        let org = org.cloned().ok_or(NoMembership::NotAMember)?;
        Ok(Membership::builder(user.clone(), org).build())
    }
}

/// A replica with sessions and memberships of its own, beside a client or without.
struct Other {
    sessions: Cached<Sessions>,
    members: CachedMemberships<Members>,
    cluster: Cluster,
}

impl Other {
    async fn start(url: String, is_named: bool) -> Self {
        let builder = RedisCluster::builder(url);
        let builder = if is_named { builder.app(APP, APP_SECRET) } else { builder };
        let cluster: Cluster = builder.build().unwrap().into();
        let sessions = Cached::builder(Sessions).cluster(cluster.clone()).build();
        let members = CachedMemberships::builder(Members).cluster(cluster.clone()).build();
        if !is_named {
            // Too late for the keys of the sessions.
            let client = AuthClient::builder(APP, APP_SECRET, "http://127.0.0.1:9").cluster(cluster.clone());
            client.build().unwrap();
        }
        assert!(cluster.connected(PATIENCE).await);
        Self { sessions, members, cluster }
    }

    async fn fill(&self) {
        for token in ["alice-session", "bob-session"] {
            self.sessions.verify(BearerToken::new(token).unwrap()).await.unwrap();
        }
        for (user, org) in [(7, "acme"), (8, "acme"), (7, "globex")] {
            self.members.find_membership(&user.into(), Some(&org.into())).await.unwrap();
        }
    }

    /// What is cached: sessions of alice and bob, memberships of 7 and 8 in acme, and of 7 in globex.
    fn cached(&self) -> [bool; 5] {
        let session = |token| self.sessions.try_verify(&BearerToken::new(token).unwrap()).is_some();
        let member = |user: i64, org| self.members.try_find_membership(&user.into(), Some(org)).is_some();
        [
            session("alice-session"),
            session("bob-session"),
            member(7, "acme"),
            member(8, "acme"),
            member(7, "globex"),
        ]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_memberships_are_invalidated_together() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    type Case = (&'static str, fn(&Other), [bool; 5]);
    let cases: [Case; 6] = [
        (
            "a user by their session's cache",
            |other| other.sessions.invalidate_user(7),
            [false, true, false, true, false],
        ),
        (
            "a user by their memberships",
            |other| other.members.invalidate_user(7),
            [false, true, false, true, false],
        ),
        ("an organisation", |other| other.members.invalidate_org("acme"), [true, true, false, false, true]),
        ("a session", |other| other.sessions.invalidate("alice-session"), [false, true, true, true, true]),
        (
            "a username",
            |other| other.sessions.invalidate_username("alice"),
            [false, true, false, false, false],
        ),
        ("everything", |other| other.cluster.apply(&Invalidation::All), [false; 5]),
    ];
    let others = [Other::start(server.url(), true).await, Other::start(server.url(), true).await];
    for (what, invalidate, expected) in cases {
        for other in &others {
            until_async("both are filled", async || {
                other.fill().await;
                other.cached() == [true; 5]
            })
            .await;
        }
        invalidate(&others[0]);
        for other in &others {
            until(what, || other.cached() == expected).await;
        }
    }
}

/// Without the app's secret, the caches of sessions have keys of their own, and one that ends ends all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_of_an_app_that_was_not_named_ends_everywhere() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let others = [Other::start(server.url(), false).await, Other::start(server.url(), false).await];
    for other in &others {
        until_async("both are filled", async || {
            other.fill().await;
            other.cached() == [true; 5]
        })
        .await;
    }
    others[0].sessions.invalidate("alice-session");
    until("all of it is forgotten elsewhere", || others[1].cached() == [false; 5]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_that_share_a_redis_do_not_hear_one_another() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let [one, two] = pair(server.url(), server.url()).await;
    let other = RedisCluster::connect(server.url()).unwrap();
    let _other = AuthClient::builder("billing", APP_SECRET, "http://127.0.0.1:9")
        .cluster(other.clone())
        .build()
        .unwrap();
    assert!(other.connected(PATIENCE).await);
    let renamed = Replica::with(server.url(), |builder| builder.prefix("staging:"));
    renamed.is_heard().await;
    other.apply(&Invalidation::All);
    renamed.client.clear_cache();
    other.spread().await.unwrap();
    renamed.cluster.spread().await.unwrap();
    settle(&[one, two]).await;
    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(keys.iter().all(|key| key.ends_with("}:inv")), "{keys:?}");
}

#[tokio::test]
async fn cluster_of_one_app_takes_no_client_of_another() {
    let cluster = RedisCluster::builder("redis://127.0.0.1:9").app(APP, APP_SECRET).build().unwrap();
    let build = |app: &str| {
        AuthClient::builder(app, APP_SECRET, "http://127.0.0.1:9").cluster(cluster.clone()).build()
    };
    assert!(build(APP).is_ok());
    let error = build("billing").unwrap_err().to_string();
    assert!(error.contains("`orders`") && error.contains("`billing`"), "{error}");
}

#[test]
fn cluster_outside_a_runtime_is_refused_with_the_reason() {
    let error = RedisCluster::connect("redis://127.0.0.1:9").unwrap_err().to_string();
    assert!(error.contains("runtime of tokio"), "{error}");
    for (url, reason) in [("redis-sentinel://a/b", "Sentinel"), ("redis-cluster://a", "Redis Cluster")] {
        let error = RedisCluster::connect(url).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let builder = RedisCluster::builder("redis://user:hunter2@127.0.0.1:9").app(APP, APP_SECRET);
    let mut shown = format!("{builder:?}");
    let cluster = builder.build().unwrap();
    let client = AuthClient::builder(APP, APP_SECRET, "http://127.0.0.1:9").cluster(cluster.clone());
    shown += &format!("{client:?}");
    let client = client.build().unwrap();
    let cached = Cached::builder(()).cluster(cluster.clone());
    shown += &format!("{client:?} {cluster:?} {:?}", cluster.cluster());
    shown += &format!("{cached:?} {:?}", cached.clone().build());
    assert!(shown.contains(APP), "{shown}");
    for secret in ["hunter2", APP_SECRET] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// The keys that Redis sees are not those of a client with another secret, nor the token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_sees_neither_tokens_nor_hashes_that_another_secret_makes() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let [one, two] = pair(server.url(), server.url()).await;
    let rotated = RedisCluster::connect(server.url()).unwrap();
    let other = AuthClient::builder(APP, "a new secret", "http://127.0.0.1:9")
        .cluster(rotated.clone())
        .build()
        .unwrap();
    assert!(rotated.connected(PATIENCE).await);
    other.cache_user("alice-token", testing::user("alice").id(7));
    one.client.invalidate("alice-token");
    two.loses("alice").await;
    settle(&[one, two]).await;
    let token = BearerToken::new("alice-token").unwrap();
    assert!(other.try_verify(&token).is_some(), "a credential is not the same under another secret");
    let keys: Vec<String> = server.run(&["KEYS", "*:inv"]).await;
    let entries: Vec<(String, Vec<String>)> = server.run(&["XRANGE", &keys[0], "-", "+"]).await;
    let written = format!("{entries:?}");
    assert!(written.contains(r#"\"kind\":\"credential\""#), "{written}");
    assert!(!written.contains("alice-token"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_end_with_the_last_handle() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replica = Replica::start(server.url()).await;
    let clients = async || server.run::<String>(&["CLIENT", "LIST"]).await.lines().count();
    // Those of the commands before may be about to end.
    until_async("connected for calls, to listen, and this one", async || clients().await == 3).await;
    let Replica { client, cluster, .. } = replica;
    drop(cluster);
    settle_client(&client).await;
    until_async("the client holds it", async || clients().await == 3).await;
    drop(client);
    until_async("the connections end", async || clients().await == 1).await;
}

async fn settle_client(client: &AuthClient) {
    client.invalidate_user(7);
    client.spread().await.unwrap();
}
