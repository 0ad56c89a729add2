//! Replicas in one process.

use std::time::Duration;

use aigc_auth::cluster::{RedisCluster, RedisClusterBuilder};
use aigc_auth::credential::BearerToken;
use aigc_auth::testing::{self, Clock};
use aigc_auth::{AuthClient, Verify};

use crate::support::redis_server::PATIENCE;
use crate::support::until;

pub(crate) const APP: &str = "orders";
pub(crate) const APP_SECRET: &str = "the secret of orders";

/// A replica of a service, without an auth center: who is cached, is.
pub(crate) struct Replica {
    pub(crate) client: AuthClient,
    pub(crate) cluster: RedisCluster,
    pub(crate) clock: Clock,
}

impl Replica {
    /// One that does not hear of others yet.
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self::with(url, |builder| builder)
    }

    pub(crate) fn with(
        url: impl Into<String>,
        configure: impl FnOnce(RedisClusterBuilder) -> RedisClusterBuilder,
    ) -> Self {
        let cluster = configure(RedisCluster::builder(url)).build().unwrap();
        let clock = Clock::held();
        let client = AuthClient::builder(APP, APP_SECRET, "http://127.0.0.1:9")
            .clock(clock.clone())
            .cluster(cluster.clone())
            .build()
            .unwrap();
        Self { client, cluster, clock }
    }

    pub(crate) async fn start(url: impl Into<String>) -> Self {
        let replica = Self::new(url);
        assert!(replica.cluster.connected(PATIENCE).await, "{:?}", replica.cluster);
        replica
    }

    /// Caches alice (7) and bob (8), under a token each.
    pub(crate) fn fill(&self) {
        for (name, id) in [("alice", 7), ("bob", 8)] {
            self.client.cache_user(&format!("{name}-token"), testing::user(name).id(id));
        }
    }

    /// Whether this user is served from the cache.
    pub(crate) fn has(&self, name: &str) -> bool {
        let token = BearerToken::new(&format!("{name}-token")).unwrap();
        self.client.try_verify(&token).is_some()
    }

    pub(crate) async fn loses(&self, name: &str) {
        until(&format!("{name} is forgotten"), || !self.has(name)).await;
    }

    pub(crate) async fn is_heard(&self) {
        assert!(self.cluster.connected(PATIENCE).await, "{:?}", self.cluster);
    }

    pub(crate) async fn is_unheard(&self) {
        until("the replica is out of touch", || !self.cluster.is_connected()).await;
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// Two replicas that hear one another, and have cached alice and bob.
pub(crate) async fn pair(one: impl Into<String>, other: impl Into<String>) -> [Replica; 2] {
    let replicas = [Replica::start(one).await, Replica::start(other).await];
    // What is left of the other's start: it may have been the one that started the stream.
    settle(&replicas).await;
    replicas.iter().for_each(Replica::fill);
    replicas
}

/// Waits until an invalidation of each replica has reached the others.
pub(crate) async fn settle(replicas: &[Replica]) {
    for sender in replicas {
        for replica in replicas {
            replica.client.cache_user("settled-token", testing::user("settled").id(99));
        }
        sender.client.invalidate_user(99);
        for replica in replicas {
            replica.loses("settled").await;
        }
    }
}
