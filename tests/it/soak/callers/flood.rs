//! Strangers by the ten thousand, so that what is remembered of them is as much as it gets.

use std::sync::Arc;

use aigc_auth::testing::Fault;
use test_support::http::get_as;
use tokio::task::JoinSet;

use crate::soak::world::World;

/// More than a replica remembers: 10,000 that were rejected, and 10,000 that could not be verified.
const STRANGERS: usize = 11_000;
const LANES: usize = 16;

/// Sends each replica as many strangers as it remembers, of both kinds.
pub(in crate::soak) async fn fill(world: &Arc<World>) {
    for (kind, status) in [("unverified", 503), ("rejected", 401)] {
        if status == 503 {
            world.center.inject_fault(Fault::status(500));
        }
        let mut lanes = JoinSet::new();
        for lane in 0..LANES {
            let world = world.clone();
            lanes.spawn(async move {
                for n in (lane..STRANGERS).step_by(LANES) {
                    for replica in &world.replicas {
                        let answer = get_as(replica.address, &format!("flood-{kind}-{n}"), "/flood").await;
                        assert_eq!(answer.status, status, "{answer:?}");
                    }
                }
            });
        }
        lanes.join_all().await;
        world.center.clear_faults();
    }
}
