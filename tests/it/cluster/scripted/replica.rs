//! A replica: a cache in front of the center, in a cluster.

use std::sync::Arc;

use aigc_auth::cached::Cached;
use aigc_auth::cluster::Cluster;
use aigc_auth::testing::Clock;
use aigc_auth::{Secret, Verify};

use super::bus::{Bus, Wire};
use super::center::{Center, USERS, token};

pub(super) struct Replica {
    pub(super) cached: Cached<Center>,
    pub(super) wire: Arc<Wire>,
    /// The versions that it was told of itself.
    pub(super) told: [usize; USERS],
}

impl Replica {
    pub(super) fn start(center: &Center, wire: Arc<Wire>, clock: &Clock) -> Self {
        let cluster = Cluster::builder(Bus(wire.clone())).app("app", Secret::from("secret")).build().unwrap();
        let builder = Cached::builder(center.clone()).cluster(cluster).clock(clock.clone());
        Self { cached: builder.cache_capacity(100).build(), wire, told: [0; USERS] }
    }
}

/// The version of the user that a request is given; `None` if it is given none.
pub(super) async fn ask(cached: Cached<Center>, user: usize) -> Option<usize> {
    let token = token(user);
    let answer = match cached.try_verify(&token) {
        Some(answer) => answer,
        None => cached.verify(token).await,
    };
    let user = answer.ok()?;
    user.nickname().and_then(|name| name.strip_prefix('v')?.parse().ok())
}
