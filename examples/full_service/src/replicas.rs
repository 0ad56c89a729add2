//! Several replicas of the service, which a Redis connects.

use std::time::Duration;

use aigc_auth::cluster::RedisCluster;
use aigc_auth::error::BuildError;
use example_support::variable;

/// Connects to the Redis of `AIGC_AUTH_REDIS_URL`, if it is set.
pub(crate) fn connect() -> Result<Option<RedisCluster>, BuildError> {
    variable("AIGC_AUTH_REDIS_URL").map(RedisCluster::connect).transpose()
}

/// Waits until the other replicas are heard. Until then, what is looked up is cached for a short time only.
pub(crate) async fn hear_others(cluster: Option<&RedisCluster>) {
    let Some(cluster) = cluster else { return };
    match cluster.connected(Duration::from_secs(2)).await {
        true => println!("one of the replicas that Redis connects"),
        false => tracing::warn!("starting without hearing other replicas"),
    }
}
