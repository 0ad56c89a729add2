//! Buses of an app's own: those that lose, hang and panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aigc_auth::cached::Cached;
use aigc_auth::cluster::{BusError, BusListener, Cluster, InvalidationBus};
use aigc_auth::credential::BearerToken;
use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::{AuthClient, Verify, testing};
use tokio::sync::broadcast;

use crate::support::until;

/// Replicas in one process. Says so where it has lost messages.
#[derive(Clone)]
struct Local(broadcast::Sender<Invalidation>);

impl InvalidationBus for Local {
    async fn publish(&self, invalidation: &Invalidation) -> Result<(), BusError> {
        let _ = self.0.send(invalidation.clone());
        Ok(())
    }

    async fn listen(&self, listener: &dyn BusListener) -> BusError {
        let mut messages = self.0.subscribe();
        listener.missed();
        loop {
            listener.in_touch(Instant::now());
            match tokio::time::timeout(Duration::from_millis(100), messages.recv()).await {
                Ok(Ok(invalidation)) => listener.apply(&invalidation),
                Ok(Err(lost)) => return lost.into(),
                Err(_) => {}
            }
        }
    }
}

fn client(cluster: &Cluster) -> AuthClient {
    AuthClient::builder("app", "secret", "http://127.0.0.1:9").cluster(cluster.clone()).build().unwrap()
}

fn fill(client: &AuthClient) {
    client.cache_user("alice-token", testing::user("alice").id(7));
    client.cache_user("bob-token", testing::user("bob").id(8));
}

fn has(client: &AuthClient, name: &str) -> bool {
    client.try_verify(&BearerToken::new(&format!("{name}-token")).unwrap()).is_some()
}

#[tokio::test]
async fn replicas_hear_one_another_over_any_bus() {
    let bus = Local(broadcast::channel(16).0);
    let clusters = [Cluster::new(bus.clone()).unwrap(), Cluster::new(bus.clone()).unwrap()];
    let clients = clusters.each_ref().map(client);
    for cluster in &clusters {
        assert!(cluster.connected(Duration::from_secs(5)).await);
    }
    clients.iter().for_each(fill);
    clients[0].invalidate("alice-token");
    clients[0].spread().await.unwrap();
    until("the other has heard", || !has(&clients[1], "alice")).await;
    assert!(has(&clients[1], "bob"));
    // The bus hands a replica its own messages as well, which is no reason to send them again.
    assert_eq!((bus.0.len(), clusters[0].waiting()), (0, 0));
    // More than the channel has room for: the listener says that it has lost some.
    for id in 100..1_000 {
        clients[0].invalidate_user(id);
    }
    until("everything is forgotten", || !has(&clients[1], "bob")).await;
}

/// Fails, hangs or panics a few times, and works then.
struct Faulty {
    tries: AtomicUsize,
    published: AtomicUsize,
}

impl InvalidationBus for Faulty {
    async fn publish(&self, _: &Invalidation) -> Result<(), BusError> {
        match self.tries.fetch_add(1, Ordering::SeqCst) {
            0 => Err("no route to the bus".into()),
            1 => panic!("in publish"),
            2 => std::future::pending().await,
            _ => {
                self.published.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        }
    }

    async fn listen(&self, _: &dyn BusListener) -> BusError {
        match self.tries.load(Ordering::SeqCst) {
            0..4 => panic!("in listen"),
            _ => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn bus_that_fails_hangs_and_panics_is_tried_again() {
    let faulty = Arc::new(Faulty { tries: AtomicUsize::new(0), published: AtomicUsize::new(0) });
    let cluster = Cluster::builder(faulty.clone()).app("app", "secret").build().unwrap();
    let client = client(&cluster);
    fill(&client);
    client.invalidate_user(7);
    assert!(!has(&client, "alice"), "here at once");
    let error = client.spread().await.unwrap_err().to_string();
    assert!(error.contains("will be sent again"), "{error}");
    until("it is sent in the end", || faulty.published.load(Ordering::SeqCst) == 1).await;
    client.spread().await.unwrap();
    assert_eq!(cluster.waiting(), 0);
    assert!(!cluster.connected(Duration::from_millis(1)).await, "nothing was ever heard");
    assert!(has(&client, "bob"), "which is no reason not to serve");
}

#[tokio::test]
async fn cache_that_is_gone_leaves_its_cluster() {
    let cluster = Cluster::new(Local(broadcast::channel(16).0)).unwrap();
    let verifier = Arc::new(());
    let kept = Arc::downgrade(&verifier);
    let cached = Cached::builder(verifier).cluster(cluster.clone()).build();
    cluster.apply(&Invalidation::All);
    drop(cached);
    cluster.apply(&Invalidation::All);
    assert!(kept.upgrade().is_none(), "nobody holds it");
}
