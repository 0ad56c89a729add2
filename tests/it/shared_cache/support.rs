use std::time::{Duration, Instant};

use aigc_auth::cluster::RedisCluster;
use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::{AuthClient, AuthClientBuilder};
use futures_util::StreamExt;
use futures_util::stream;

use crate::support::redis_server::{PATIENCE, RedisServer};

/// A replica of the service: a client, and connections of its own.
pub(crate) struct Replica {
    pub(crate) client: AuthClient,
    pub(crate) cluster: RedisCluster,
}

impl Replica {
    pub(crate) async fn start(center: &AuthCenter, server: &RedisServer) -> Self {
        Self::with(center, server, |builder| builder).await
    }

    pub(crate) async fn with(
        center: &AuthCenter,
        server: &RedisServer,
        set_up: impl FnOnce(AuthClientBuilder) -> AuthClientBuilder,
    ) -> Self {
        let cluster = RedisCluster::connect(server.url()).unwrap();
        let builder = AuthClient::builder(center.app_id(), center.app_secret(), center.url());
        let client = set_up(builder).cluster(cluster.clone()).build().unwrap();
        assert!(cluster.connected(PATIENCE).await);
        Self { client, cluster }
    }

    /// Looks these users up, so many at a time; all are there. Returns how long each took, in order of that.
    pub(crate) async fn look_up(&self, users: std::ops::Range<usize>, at_once: usize) -> Vec<Duration> {
        look_up(&self.client, users, at_once).await
    }
}

pub(crate) async fn look_up(
    client: &AuthClient,
    users: std::ops::Range<usize>,
    at_once: usize,
) -> Vec<Duration> {
    let asking = users.map(|n| async move {
        let started = Instant::now();
        let user = client.user_info(&token(n)).await;
        assert_eq!(user.unwrap().username(), name(n));
        started.elapsed()
    });
    let mut took: Vec<_> = stream::iter(asking).buffer_unordered(at_once).collect().await;
    took.sort();
    took
}

pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

pub(crate) fn name(n: usize) -> String {
    format!("user {n}")
}

pub(crate) fn token(n: usize) -> String {
    format!("token-{n}")
}

/// An auth center with so many users.
pub(crate) async fn center(users: usize) -> AuthCenter {
    let center = AuthCenter::start().await;
    for n in 0..users {
        center.add_user(testing::user(name(n)));
        center.add_token(token(n), name(n));
    }
    center
}

pub(crate) fn asked(center: &AuthCenter) -> usize {
    center.calls("/user/info")
}
