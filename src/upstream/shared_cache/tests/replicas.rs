//! Replicas with a cache each, and a backend that counts what it is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;

use super::server::{Server, TIMEOUT};
use crate::ports::invalidation::Invalidation;
use crate::ports::observer::{BreakerState, LookedUp, VerifierKind, Watch};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::cluster::keys::AppKeys;
use crate::upstream::cluster::{Horizon, RedisStore};
use crate::upstream::identity_cache::{CacheTtls, IdentityCache, Key};
use crate::upstream::lookups::{Backend, Fetch, Fetched, LookupWatch, Lookups};
use crate::upstream::owner::Owner;
use crate::upstream::redis_link::{Link, LinkConfig};
use crate::upstream::shared_cache::record::Before;
use crate::upstream::shared_cache::ticket::Ticket;
use crate::upstream::shared_cache::{Codec, SharedCache, Sharing};
use crate::upstream::slots::Slots;
use crate::util::clock::Clock;

const TTLS: CacheTtls = CacheTtls {
    ttl: Duration::from_secs(300),
    stale_if_error: Duration::from_secs(300),
    negative_ttl: Duration::from_secs(5),
};

/// What all replicas ask. Accepts all but the names that start with `bad`. Those that start with `moving` are invalidated, at the
/// replica that asks alone, before it has the answer.
#[derive(Default)]
struct Center {
    calls: AtomicUsize,
    /// In milliseconds.
    delay: AtomicU64,
    /// 0: well. 1: away. 2: answers badly. 3: accepts nobody any more.
    state: AtomicUsize,
    version: AtomicUsize,
}

struct Replica {
    cache: IdentityCache,
    shared: SharedCache<UserInfo>,
    store: Arc<RedisStore>,
    center: Arc<Center>,
}

impl Backend for Replica {
    type Value = UserInfo;

    fn cache(&self) -> &IdentityCache {
        &self.cache
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn load(&self) -> (usize, usize, Vec<(&'static str, BreakerState)>) {
        (0, 0, Vec::new())
    }

    fn shared(&self) -> Option<&SharedCache<UserInfo>> {
        Some(&self.shared)
    }
}

fn key_of(name: &str) -> Key {
    let hash = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    let half = |at: usize| u64::from_be_bytes(hash.as_ref()[at..at + 8].try_into().unwrap());
    Key::of_hash([half(0), half(8)])
}

impl Fetch<String> for Replica {
    fn what(_: &String) -> LookedUp {
        LookedUp::Token
    }

    fn key(&self, name: &String) -> Key {
        key_of(name)
    }

    async fn fetch(&self, name: String, _: Subject) -> Result<Fetched, CallError> {
        let center = &self.center;
        center.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(center.delay.load(Ordering::SeqCst))).await;
        let unavailable = || AuthError::new(ErrorKind::Unavailable);
        match center.state.load(Ordering::SeqCst) {
            1 => return Err(CallError { error: unavailable(), pause: Some(Duration::ZERO) }),
            2 => return Err(CallError { error: unavailable(), pause: Some(Duration::from_secs(2)) }),
            _ => {}
        }
        if name.starts_with("moving") {
            self.cache.invalidate_user(&(*name).into());
        }
        if name.starts_with("bad") || center.state.load(Ordering::SeqCst) == 3 {
            return Err(AuthError::new(ErrorKind::InvalidCredential).into());
        }
        let version = center.version.load(Ordering::SeqCst);
        let user = UserInfo::builder(&*name, &*name).nickname(version.to_string()).build();
        Ok(Fetched { value: user, limit: None })
    }
}

impl Center {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

struct Cluster<'a> {
    server: &'a Server,
    center: Arc<Center>,
    secret: &'static str,
    timeout: Duration,
}

type Started = (Lookups<Replica>, Arc<Replica>);

impl Cluster<'_> {
    async fn replica(&self, ttls: CacheTtls) -> Started {
        let (clock, secret) = (Clock::default(), self.secret.into());
        let link = Link::start(&self.server.address(), LinkConfig::CALLS, ()).unwrap();
        let store = Arc::new(RedisStore::new(link, "t:".into(), true));
        store.name(&AppKeys::new("app", &secret));
        test_support::until("connected", || store.calls.connection().is_ok()).await;
        store.ledger.start(Horizon { run: "r".into(), epoch: 1, number: 1 }, 0);
        store.ledger.proved(Instant::now() + Duration::from_secs(60));
        let sharing = Sharing {
            secret: &secret,
            realm: "test",
            codec: Codec::USERS,
            ttls,
            timeout: self.timeout,
            clock: clock.clone(),
        };
        let shared = SharedCache::new(&store, sharing).unwrap();
        let replica = Arc::new(Replica {
            cache: IdentityCache::new(50_000, ttls, self.timeout, clock),
            shared,
            store,
            center: self.center.clone(),
        });
        let watch = LookupWatch::new(Watch::default(), VerifierKind::Cached);
        (Lookups::new(replica.clone(), 10_000, self.timeout, watch), replica)
    }
}

/// What it is called in Redis.
fn name_of(kind: &str, credential: &str) -> String {
    let app = AppKeys::new("app", &"".into()).id_hash();
    format!("t:{{{app}}}:v1:{kind}:{:032x}", key_of(credential).bits())
}

async fn lookup((lookups, _): &Started, name: &str) -> Result<UserInfo, AuthError> {
    lookups.lookup(name.to_owned()).await
}

fn cluster(server: &Server) -> Cluster<'_> {
    Cluster { server, center: Arc::default(), secret: "secret", timeout: TIMEOUT }
}

#[tokio::test]
async fn replicas_read_what_one_of_them_has_verified() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    let (one, two) = (cluster.replica(TTLS).await, cluster.replica(TTLS).await);
    let alice = lookup(&one, "alice").await.unwrap();
    assert_eq!(lookup(&two, "alice").await.unwrap(), alice);
    assert_eq!(cluster.center.calls(), 1);
    // From its own cache from now on.
    server.run::<()>(&["FLUSHALL"]).await;
    assert_eq!(lookup(&two, "alice").await.unwrap(), alice);
    assert_eq!(cluster.center.calls(), 1);
    // Redis sees neither the name nor the secret.
    lookup(&one, "bob").await.unwrap();
    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    assert_eq!(keys, [name_of("user", "bob")], "no lock is left");
    let ttl: u64 = server.run(&["PTTL", &keys[0]]).await;
    assert!((590_000..=600_000).contains(&ttl), "{ttl}");
    let value: Vec<u8> = server.run(&["GET", &keys[0]]).await;
    assert!(!value.windows(3).any(|part| part == b"bob"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replica_of_all_asks_about_a_cold_credential() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    cluster.center.delay.store(20, Ordering::SeqCst);
    let replicas = [cluster.replica(TTLS).await, cluster.replica(TTLS).await, cluster.replica(TTLS).await];
    const TOKENS: usize = 2_000;
    let started = Instant::now();
    let all = replicas.iter().map(|replica| async move {
        let lookups = (0..TOKENS).map(|n| async move {
            let asked = Instant::now();
            assert!(lookup(replica, &format!("user {n}")).await.is_ok());
            asked.elapsed()
        });
        join_all(lookups).await
    });
    let mut took: Vec<Duration> = join_all(all).await.concat();
    took.sort();
    let (half, last) = (took[took.len() / 2], took[took.len() - 1]);
    println!("{} calls in {:?}: p50 {half:?}, at most {last:?}", cluster.center.calls(), started.elapsed());
    assert!(cluster.center.calls() <= 2_100, "{}", cluster.center.calls());
}

/// The lock of a replica that has ended stays for a while; a Redis that was paused gives one out to nobody.
#[tokio::test]
async fn lock_that_nobody_holds_delays_and_decides_nothing() {
    let Some(server) = Server::start(&[]).await else { return };
    for (left, timeout, took, stays) in [
        // It ends, and is taken.
        ("700", 5_000, 650..2_500, false),
        // Then this replica asks for itself.
        ("60000", 1_000, 750..2_500, true),
    ] {
        server.run::<()>(&["FLUSHALL"]).await;
        let cluster = Cluster { timeout: Duration::from_millis(timeout), ..cluster(&server) };
        let replica = cluster.replica(TTLS).await;
        let lock = name_of("lock", "alice");
        server.run::<()>(&["SET", &lock, "", "PX", left]).await;
        let started = Instant::now();
        assert!(lookup(&replica, "alice").await.is_ok());
        assert!(took.contains(&started.elapsed().as_millis()), "{left}: {:?}", started.elapsed());
        assert_eq!(server.run::<bool>(&["EXISTS", &lock]).await, stays, "released by who holds it");
        assert!(lookup(&cluster.replica(TTLS).await, "alice").await.is_ok());
        assert_eq!(cluster.center.calls(), 1, "what was verified without the lock is shared");
    }
}

#[tokio::test]
async fn slow_answer_is_waited_for_by_all() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    // Longer than a lock that is not renewed.
    cluster.center.delay.store(2_600, Ordering::SeqCst);
    let (one, two) = (cluster.replica(TTLS).await, cluster.replica(TTLS).await);
    let (first, second) = tokio::join!(lookup(&one, "alice"), lookup(&two, "alice"));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(cluster.center.calls(), 1);
}

#[tokio::test]
async fn failures_and_rejections_release_the_lock() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    let (one, two) = (cluster.replica(TTLS).await, cluster.replica(TTLS).await);
    let calls = |expected: usize, what: &str| assert_eq!(cluster.center.calls(), expected, "{what}");
    let started = Instant::now();
    for replica in [&one, &two] {
        let error = lookup(replica, "bad").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidCredential);
    }
    calls(2, "rejections are not shared");
    cluster.center.state.store(1, Ordering::SeqCst);
    for replica in [&one, &two] {
        assert_eq!(lookup(replica, "carol").await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    calls(4, "an outage may be that of one replica");
    cluster.center.state.store(2, Ordering::SeqCst);
    for replica in [&one, &two] {
        let error = lookup(replica, "dave").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!((1..=2).contains(&error.retry_after().unwrap().as_secs()), "{error}");
    }
    calls(5, "the pause of a credential is shared");
    assert!(
        started.elapsed() < Duration::from_millis(1_500),
        "nothing waits for a lock: {:?}",
        started.elapsed()
    );
    // Once it is over, one asks.
    cluster.center.state.store(0, Ordering::SeqCst);
    test_support::until_async("dave is known", async || lookup(&two, "dave").await.is_ok()).await;
    test_support::until_async("dave is known to both", async || lookup(&one, "dave").await.is_ok()).await;
    calls(6, "one has asked for both");
}

#[tokio::test]
async fn rejected_credential_is_not_read_any_more() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    // A refresh is due at once.
    let short = CacheTtls { ttl: Duration::from_millis(400), ..TTLS };
    let one = cluster.replica(short).await;
    let name = name_of("user", "alice");
    assert!(lookup(&one, "alice").await.is_ok());
    assert!(server.run::<bool>(&["EXISTS", &name]).await);
    let before = Before { horizon: one.1.store.ledger.horizon().unwrap(), time: 0, today: SystemTime::now() };
    let turn = Slots::new(1).acquire(Owner::Known).await;
    let ticket = Ticket::new(&one.1.shared, key_of("alice"), Duration::ZERO, before, None, turn);
    ticket.rejected().await;
    assert!(!server.run::<bool>(&["EXISTS", &name]).await);
}

/// Otherwise an outage would let in who was rejected before it.
#[tokio::test]
async fn rejected_credential_is_not_served_in_an_outage_by_another_replica() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    let short = CacheTtls { ttl: Duration::from_millis(20), ..TTLS };
    let one = cluster.replica(short).await;
    for state in [0, 3, 1] {
        cluster.center.state.store(state, Ordering::SeqCst);
        let replica = if state == 1 { &cluster.replica(short).await } else { &one };
        let kind = lookup(replica, "alice").await.err().map(|error| error.kind());
        let expected = match state {
            0 => None,
            3 => Some(ErrorKind::InvalidCredential),
            _ => Some(ErrorKind::Unavailable),
        };
        assert_eq!(kind, expected, "{state}");
        assert_eq!(server.run::<usize>(&["DBSIZE"]).await, usize::from(state == 0), "{state}");
        // By the clock of Redis, the TTL is over.
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(cluster.center.calls(), 3);
}

/// The others need not have heard of the invalidation yet.
#[tokio::test]
async fn answer_that_an_invalidation_overtakes_is_not_shared() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    for replica in [cluster.replica(TTLS).await, cluster.replica(TTLS).await] {
        let before = cluster.center.calls();
        let error = lookup(&replica, "moving").await.unwrap_err();
        assert!(error.to_string().contains("invalidated during each attempt"), "{error}");
        assert_eq!(cluster.center.calls() - before, 3, "each attempt asks");
        assert_eq!(server.run::<usize>(&["DBSIZE"]).await, 0, "neither a user nor a lock is left");
    }
}

/// In an outage of what is asked, a replica that has just started serves whom the others knew, and for as long.
#[tokio::test]
async fn stale_value_of_another_replica_serves_in_an_outage() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    let short =
        CacheTtls { ttl: Duration::from_millis(300), stale_if_error: Duration::from_millis(1_500), ..TTLS };
    let one = cluster.replica(short).await;
    let verified = Instant::now();
    let alice = lookup(&one, "alice").await.unwrap();
    cluster.center.state.store(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(310)).await;
    let two = cluster.replica(short).await;
    assert_eq!(lookup(&two, "alice").await.unwrap(), alice);
    assert_eq!(cluster.center.calls(), 2, "it was asked first");
    test_support::until_async("it is over", async || lookup(&two, "alice").await.is_err()).await;
    let took = verified.elapsed();
    assert!((Duration::from_millis(1_700)..Duration::from_millis(2_800)).contains(&took), "{took:?}");
    assert!(lookup(&cluster.replica(short).await, "alice").await.is_err(), "Redis has dropped it as well");
}

#[tokio::test]
async fn replicas_of_another_secret_or_version_are_strangers() {
    let Some(server) = Server::start(&[]).await else { return };
    let ours = cluster(&server);
    let theirs = Cluster { secret: "other", center: ours.center.clone(), ..cluster(&server) };
    let (one, two) = (ours.replica(TTLS).await, theirs.replica(TTLS).await);
    assert!(lookup(&one, "alice").await.is_ok() && lookup(&two, "alice").await.is_ok());
    assert_eq!(ours.center.calls(), 2);
    let name = name_of("user", "alice");
    for (calls, value) in
        [(3, b"\x02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".as_slice()), (4, b""), (5, b"\xff\x00")]
    {
        let client = redis::Client::open(server.url()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("SET").arg(&name).arg(value).query_async::<()>(&mut redis).await.unwrap();
        assert!(lookup(&ours.replica(TTLS).await, "alice").await.is_ok());
        assert_eq!(ours.center.calls(), calls, "as if absent");
        assert!(lookup(&ours.replica(TTLS).await, "alice").await.is_ok());
        assert_eq!(ours.center.calls(), calls, "and replaced");
    }
    // A key of another type.
    server.run::<()>(&["DEL", &name]).await;
    server.run::<()>(&["LPUSH", &name, "a"]).await;
    assert!(lookup(&ours.replica(TTLS).await, "alice").await.is_ok());
}

#[tokio::test]
async fn invalidation_wins_over_what_is_in_redis() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    let (one, two) = (cluster.replica(TTLS).await, cluster.replica(TTLS).await);
    let version = |user: UserInfo| user.nickname().unwrap().to_owned();
    assert_eq!(version(lookup(&one, "alice").await.unwrap()), "0");
    cluster.center.version.store(1, Ordering::SeqCst);
    // Replica two hears of the invalidation, and has nothing cached itself.
    two.1.store.ledger.published(2, &Invalidation::of(Some("alice".into()), None));
    two.1.cache.invalidate_user(&"alice".into());
    two.1.store.ledger.applied(2);
    assert_eq!(version(lookup(&two, "alice").await.unwrap()), "1");
    // And what it has put there is read by the first once that has heard of it, too.
    one.1.store.ledger.published(2, &Invalidation::of(Some("alice".into()), None));
    one.1.cache.invalidate_user(&"alice".into());
    one.1.store.ledger.applied(2);
    assert_eq!(version(lookup(&one, "alice").await.unwrap()), "1");
    assert_eq!(cluster.center.calls(), 2);
    // Out of touch, nothing is shared.
    two.1.store.ledger.pause();
    assert!(lookup(&two, "bob").await.is_ok() && lookup(&one, "bob").await.is_ok());
    assert_eq!(cluster.center.calls(), 4);
    // No key of its was written.
    assert_eq!(server.run::<usize>(&["DBSIZE"]).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_redis_delays_a_few_lookups_by_one_call() {
    let Some(server) = Server::start(&[]).await else { return };
    let cluster = cluster(&server);
    let replica = cluster.replica(TTLS).await;
    server.signal("STOP");
    let (mut took, mut pauses) = (vec![], vec![]);
    for n in 0..1_000 {
        let asked = Instant::now();
        assert!(lookup(&replica, &format!("user {n}")).await.is_ok());
        took.push(asked.elapsed());
        let paused = Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        pauses.push(paused.elapsed());
    }
    server.signal("CONT");
    // How late a busy machine lets anything be.
    let stall = pauses.iter().max().copied().unwrap_or_default();
    took.sort();
    let late = took.iter().filter(|took| **took > Duration::from_millis(25)).count();
    println!("p50 {:?}, p99 {:?}, at most {:?}; {late} waited", took[500], took[989], took[999]);
    assert!(late <= 10, "{late}");
    assert!(took[999] < Duration::from_millis(150) + stall, "{:?}, and {stall:?} for a pause", took[999]);
    test_support::until_async("it is shared again", async || {
        lookup(&replica, &fastrand::u64(..).to_string()).await.unwrap();
        server.run::<usize>(&["DBSIZE"]).await > 0
    })
    .await;
}
