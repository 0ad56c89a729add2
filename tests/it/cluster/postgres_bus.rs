use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aigc_auth::cluster::{BusError, BusListener, InvalidationBus, PostgresBus};
use aigc_auth::invalidate::{CredentialTag, Invalidation};
use futures_util::{StreamExt, stream};
use test_support::sql::{Database, behind_pgbouncer, in_postgres_database};
use tokio::task::AbortHandle;

#[cfg(unix)]
use crate::support::postgres_server::PostgresServer;
#[cfg(unix)]
use crate::support::redis_server::Path;
use crate::support::{until, until_async};

/// What a replica was told.
#[derive(Default)]
struct Ears(Mutex<Heard>);

#[derive(Clone, Default)]
struct Heard {
    applied: Vec<Invalidation>,
    missed: usize,
    in_touch: Option<Instant>,
    /// Why it did not listen, for each time.
    errors: Vec<String>,
}

impl Ears {
    fn heard(&self) -> Heard {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, note: impl FnOnce(&mut Heard)) {
        note(&mut self.0.lock().unwrap());
    }
}

impl BusListener for Ears {
    fn apply(&self, invalidation: &Invalidation) {
        self.note(|heard| heard.applied.push(invalidation.clone()));
    }

    fn missed(&self) {
        self.note(|heard| heard.missed += 1);
    }

    fn in_touch(&self, since: Instant) {
        self.note(|heard| heard.in_touch = Some(since));
    }
}

/// Listens as a cluster does: again and again.
struct Replica {
    bus: Arc<PostgresBus>,
    ears: Arc<Ears>,
    task: AbortHandle,
}

impl Replica {
    fn start(bus: PostgresBus) -> Self {
        let (bus, ears) = (Arc::new(bus), Arc::<Ears>::default());
        let (listening, told) = (bus.clone(), ears.clone());
        let task = tokio::spawn(async move {
            loop {
                let error = listening.listen(&*told).await.to_string();
                told.note(|heard| heard.errors.push(error));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { bus, ears, task: task.abort_handle() }
    }

    async fn at(url: &str) -> Self {
        let replica = Self::start(PostgresBus::connect(url).unwrap());
        until("it listens", || replica.heard().missed == 1).await;
        replica
    }

    fn heard(&self) -> Heard {
        self.ears.heard()
    }

    fn has_heard(&self, invalidation: &Invalidation) -> bool {
        self.ears.0.lock().unwrap().applied.contains(invalidation)
    }

    /// Publishes as a cluster does: until it is sent.
    async fn publish(&self, invalidation: &Invalidation) {
        until_async("it is published", async || self.bus.publish(invalidation).await.is_ok()).await;
    }

    /// Waits for a proof that was asked for from now on.
    async fn in_touch(&self) {
        let now = Instant::now();
        until("it is in touch", || self.heard().in_touch.is_some_and(|since| since >= now)).await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn user(id: u32) -> Invalidation {
    Invalidation::of(Some(id.into()), None)
}

/// Ends sessions of the database, of those whose last statement is like this.
async fn terminate(database: &Database, like: &str) {
    let of_others = "datname = current_database() AND pid <> pg_backend_pid()";
    database
        .run(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {of_others} AND query LIKE '{like}'"
        ))
        .await;
}

const LISTENING: &str = "%idle_session_timeout%";
const SENDING: &str = "%pg_notify%";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalidations_arrive_whole_and_in_order() {
    in_postgres_database(async |database| {
        let [one, other] = [Replica::at(database.url()).await, Replica::at(database.url()).await];
        let sent = [
            user(7),
            Invalidation::of(None, Some("张三 'é' \\' \u{1f600} \u{0}")),
            Invalidation::of(Some("a".repeat(7_900).as_str().into()), None),
            Invalidation::Credential { tag: CredentialTag::new([0xab; 16]) },
            Invalidation::Org { id: "acme".into() },
            Invalidation::All,
        ];
        for invalidation in &sent {
            one.bus.publish(invalidation).await.unwrap();
        }
        for replica in [&one, &other] {
            until("they are heard", || replica.heard().applied == sent).await;
        }
        // Longer than what PostgreSQL takes.
        other.bus.publish(&Invalidation::of(None, Some(&"a".repeat(8_000)))).await.unwrap();
        until("it is heard", || one.heard().applied.len() == 7).await;
        assert_eq!(one.heard().applied[6], Invalidation::All);
        // Another channel, another service.
        let elsewhere = PostgresBus::connect(database.url()).unwrap().channel("bills").unwrap();
        let elsewhere = Replica::start(elsewhere);
        elsewhere.in_touch().await;
        one.bus.publish(&user(8)).await.unwrap();
        elsewhere.in_touch().await;
        assert_eq!((one.has_heard(&user(8)), elsewhere.heard().applied.len()), (true, 0));

        let mut took = vec![];
        for id in 1_000..2_000 {
            let started = Instant::now();
            one.bus.publish(&user(id)).await.unwrap();
            while !other.has_heard(&user(id)) {
                tokio::task::yield_now().await;
            }
            took.push(started.elapsed());
        }
        took.sort();
        println!("heard after p50 {:?}, p99 {:?}, at most {:?}", took[500], took[990], took[999]);
        assert!(took[990] < Duration::from_secs(1));
        for replica in [&one, &other] {
            assert_eq!((replica.heard().missed, replica.heard().errors.len()), (1, 0));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn burst_of_10_000_is_heard_in_whole() {
    in_postgres_database(async |database| {
        let [one, other] = [Replica::at(database.url()).await, Replica::at(database.url()).await];
        let started = Instant::now();
        let one = &one;
        stream::iter((0..10_000).map(user))
            .for_each_concurrent(64, |invalidation| async move { one.publish(&invalidation).await })
            .await;
        let published = started.elapsed();
        // One whose answer was late is sent, and heard, twice.
        until("all are heard", || other.ears.0.lock().unwrap().applied.len() >= 10_000).await;
        println!("10,000 published in {published:?}, heard in {:?}", started.elapsed());
        other.in_touch().await;
        let mut ids: Vec<_> = other.heard().applied.iter().map(Invalidation::to_json).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 10_000);
        for replica in [one, &other] {
            replica.in_touch().await;
            assert_eq!((replica.heard().missed, replica.heard().errors), (1, vec![]));
        }
    })
    .await;
}

/// Each time that a replica has not listened, it forgets everything once; and hears what comes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_session_is_a_gap_and_lost_senders_are_none() {
    in_postgres_database(async |database| {
        let [one, other] = [Replica::at(database.url()).await, Replica::at(database.url()).await];
        for round in 1..=5 {
            terminate(&database, LISTENING).await;
            for replica in [&one, &other] {
                until("it has missed something", || replica.heard().missed == round + 1).await;
            }
            let id = u32::try_from(round).unwrap();
            one.publish(&user(id)).await;
            until("it is heard", || other.has_heard(&user(id))).await;
        }
        let before = other.heard().missed;
        for id in 100..110 {
            terminate(&database, SENDING).await;
            // Over a new connection at once.
            one.bus.publish(&user(id)).await.unwrap();
            until("it is heard", || other.has_heard(&user(id))).await;
            other.in_touch().await;
        }
        assert_eq!(other.heard().missed, before);
    })
    .await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_server_is_a_gap() {
    let Some(mut server) = PostgresServer::start().await else { return };
    let [one, other] = [Replica::at(&server.url).await, Replica::at(&server.url).await];
    one.bus.publish(&user(1)).await.unwrap();
    until("it is heard", || other.has_heard(&user(1))).await;
    for round in 1..=2 {
        server.restart().await;
        let restarted = Instant::now();
        for replica in [&one, &other] {
            until("it has missed something", || replica.heard().missed == round + 1).await;
        }
        println!("listening again {:?} after the restart", restarted.elapsed());
        let id = u32::try_from(round).unwrap() + 10;
        one.publish(&user(id)).await;
        until("it is heard", || other.has_heard(&user(id))).await;
        other.in_touch().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_password_is_tried_again() {
    in_postgres_database(async |database| {
        let role = database.schema().to_owned();
        database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'right'")).await;
        let url = database.url().split_once('@').unwrap().1;
        let replica = Replica::at(&format!("postgres://{role}:right@{url}")).await;
        database.run(&format!("ALTER ROLE {role} PASSWORD 'hunter3'")).await;
        terminate(&database, "%").await;
        until("it is refused", || !replica.heard().errors.is_empty()).await;
        let error = replica.bus.publish(&user(1)).await.unwrap_err().to_string();
        assert!(error.contains("password authentication failed") && !error.contains("right"), "{error}");
        let refused = Instant::now();
        until("it has tried for a while", || refused.elapsed() > Duration::from_millis(500)).await;
        assert_eq!(replica.heard().missed, 1, "nothing is forgotten before it listens again");
        assert!(replica.heard().in_touch.unwrap() < refused);
        database.run(&format!("ALTER ROLE {role} PASSWORD 'right'")).await;
        until("it listens", || replica.heard().missed == 2).await;
        replica.publish(&user(2)).await;
        until("it is heard", || replica.has_heard(&user(2))).await;
        drop(replica);
        terminate(&database, "%").await;
        let gone = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        database.run(&gone).await;
    })
    .await;
}

/// In transaction mode, also where other clients use its sessions. Messages would be lost, and nothing would tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pooler_in_transaction_mode_is_found_out() {
    behind_pgbouncer(async |database, url| {
        let direct = Replica::at(database.url().split_once('?').unwrap().0).await;
        let others = Arc::new(PostgresBus::connect(&url).unwrap().channel("others").unwrap());
        for is_busy in [false, true] {
            let traffic = tokio::spawn(traffic(others.clone(), is_busy));
            let replica = Replica::start(PostgresBus::connect(&url).unwrap());
            until("it is refused three times", || replica.heard().errors.len() >= 3).await;
            let Heard { errors, missed, in_touch, .. } = replica.heard();
            let is_said = errors.iter().all(|error| error.contains("LISTEN takes a session of its own"));
            assert!(is_said, "{errors:?}");
            assert_eq!((missed, in_touch), (0, None), "the cluster knows that it is not in touch");
            // To send takes one transaction.
            let id = 7 + u32::from(is_busy);
            // A session of the pool may have LISTEN of a client before: then it is sent again, as a cluster does.
            until_async("it is sent", async || replica.bus.publish(&user(id)).await.is_ok()).await;
            until("it is heard", || direct.has_heard(&user(id))).await;
            traffic.abort();
        }
    })
    .await;
}

/// Other clients of the pooler.
async fn traffic(bus: Arc<PostgresBus>, is_busy: bool) {
    let (bus, last) = (&bus, if is_busy { u32::MAX } else { 0 });
    let messages = stream::iter((0..last).map(user));
    messages.for_each_concurrent(3, |message| async move { drop(bus.publish(&message).await) }).await;
}

/// Neither side notices; found by questions that do not arrive.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mute_path_is_found_and_left() {
    in_postgres_database(async |database| {
        let (server, rest) = database.url().split_once('@').unwrap();
        let (address, name) = rest.split_once('/').unwrap();
        let path = Path::to_port(address.parse().unwrap()).await;
        let replica = Replica::at(&format!("{server}@{}/{name}", path.address())).await;
        replica.in_touch().await;
        path.set_mute(true);
        let muted = Instant::now();
        until("it cannot be sent", || muted.elapsed() > Duration::from_millis(2_500)).await;
        let heard = replica.heard();
        assert!(heard.in_touch.unwrap() <= muted, "no proof passes it");
        assert_eq!(heard.missed, 1);
        let error = replica.bus.publish(&user(1)).await.unwrap_err().to_string();
        assert!(error.contains("did not answer within 1 s"), "{error}");
        path.set_mute(false);
        // What the path kept arrives late, or the connection is made anew: either way, it is known.
        replica.in_touch().await;
        replica.publish(&user(2)).await;
        until("it is heard", || replica.has_heard(&user(2))).await;

        // Others send past it, and it knows that it may have missed something.
        let (sender, heard) = (Replica::at(database.url()).await, replica.heard());
        path.cut();
        until("it listens anew", || replica.heard().missed > heard.missed).await;
        sender.publish(&user(3)).await;
        until("it is heard", || replica.has_heard(&user(3))).await;
    })
    .await;
}

/// A database that has no Chinese letters, and one that ends idle sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_the_database_do_not_matter() {
    in_postgres_database(async |database| {
        let latin = format!("{}_latin", database.schema());
        let create = "ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'";
        database.run(&format!("CREATE DATABASE {latin} {create}")).await;
        for setting in ["idle_session_timeout = '450ms'", "default_transaction_read_only = on"] {
            database.run(&format!("ALTER DATABASE {latin} SET {setting}")).await;
        }
        let url = format!("{}/{latin}", database.url().rsplit_once('/').unwrap().0);
        let [one, other] = [Replica::at(&url).await, Replica::at(&url).await];
        // On a busy machine, the time may be over before a session is told that it may be idle, and then it is tried again.
        let tries = [&one, &other].map(|replica| replica.heard().errors);
        let name = Invalidation::of(None, Some("张三"));
        for _ in 0..4 {
            one.bus.publish(&name).await.unwrap();
            one.in_touch().await;
        }
        assert_eq!(other.heard().applied, [name.clone(), name.clone(), name.clone(), name]);
        for (replica, tries) in [&one, &other].into_iter().zip(tries) {
            assert_eq!((replica.heard().missed, replica.heard().errors), (1, tries));
        }
        drop([one, other]);
        database.run(&format!("DROP DATABASE {latin} WITH (FORCE)")).await;
    })
    .await;
}

/// Its runtime ends where it is, as in a program that returns from `main`.
#[test]
fn runtime_ends_while_it_listens() {
    let Ok(url) = std::env::var("AIGC_AUTH_TEST_POSTGRES") else { return };
    for threads in [0, 2] {
        let runtime = match threads {
            0 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
            _ => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
        };
        let runtime = runtime.unwrap();
        let replica = runtime.block_on(Replica::at(&url));
        let ears = replica.ears.clone();
        std::mem::forget(replica);
        drop(runtime);
        assert_eq!(ears.heard().errors, Vec::<String>::new());
    }
}

#[tokio::test]
async fn nothing_of_the_url_is_shown() {
    let error: BusError = PostgresBus::connect("postgres://app:hunter2@127.0.0.1:1/app")
        .unwrap()
        .publish(&Invalidation::All)
        .await
        .unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    for (url, channel, reason) in [
        ("not a url, hunter2", "orders", "invalid URL of PostgreSQL"),
        ("postgres://app:hunter2@host:port/x", "orders", "invalid URL of PostgreSQL"),
        ("postgres://app:hunter2@host/x", "", "expected a channel of 1 to 46"),
        ("postgres://app:hunter2@host/x", "a\"b", "expected a channel of 1 to 46"),
        ("postgres://app:hunter2@host/x", &"a".repeat(47), "expected a channel of 1 to 46"),
    ] {
        let error = PostgresBus::connect(url).and_then(|bus| bus.channel(channel)).unwrap_err().to_string();
        assert!(error.contains(reason) && !error.contains("hunter2"), "{error}");
    }
    let bus = PostgresBus::connect("postgres://app:hunter2@host/x").unwrap();
    assert!(!format!("{bus:?}").contains("hunter2"));
}
