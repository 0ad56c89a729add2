//! Connections in bursts of lookups: how many a burst opens, and whether the next ones do without.

use std::time::Duration;

use aigc_auth::AuthClient;
use tokio::task::JoinSet;

use crate::center::{Arrived, Center, token};

const BURSTS: u64 = 5;

async fn burst(client: &AuthClient, ids: std::ops::Range<u64>) {
    let mut lookups: JoinSet<()> = ids
        .map(|id| {
            let client = client.clone();
            async move { drop(client.user_info(&token(id)).await.expect("a user")) }
        })
        .collect();
    while let Some(lookup) = lookups.join_next().await {
        lookup.expect("no panic");
    }
}

pub(crate) fn measure(is_bench: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for lookups in if is_bench { &[200, 1_000][..] } else { &[20] } {
        let mut center = Center::start(Duration::from_millis(5), 10);
        let client = AuthClient::builder("app", "secret", center.url.as_str()).build().expect("a client");
        let mut opened = vec![];
        let mut before = Arrived::default();
        for at in 0..BURSTS {
            runtime.block_on(burst(&client, at * lookups..(at + 1) * lookups));
            let arrived = center.arrived();
            assert_eq!(arrived.calls - before.calls, *lookups, "each token is one call");
            opened.push(arrived.connections - before.connections);
            before = arrived;
        }
        println!("\nbursts of {lookups} lookups at a center of 5 ms: connections opened in each {opened:?}");
        assert!(opened[0] <= *lookups, "no more than there are calls at a time");
        assert!(
            opened[1..].iter().all(|opened| *opened <= lookups / 20),
            "those that are open serve the next burst"
        );
    }
}
