//! Clients of several replicas, over PostgreSQL.

use std::time::Duration;

use aigc_auth::cluster::{Cluster, PostgresBus};
use aigc_auth::credential::BearerToken;
use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::{AuthClient, Verify, testing};
use test_support::sql::in_postgres_database;

use crate::support::until;

async fn replica(url: &str) -> (AuthClient, Cluster) {
    let cluster = Cluster::new(PostgresBus::connect(url).unwrap()).unwrap();
    let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").cluster(cluster.clone()).build();
    assert!(cluster.connected(Duration::from_secs(10)).await);
    (client.unwrap(), cluster)
}

fn fill(client: &AuthClient) {
    client.cache_user("alice-token", testing::user("alice").id(7));
    client.cache_user("bob-token", testing::user("bob").id(8));
}

fn has(client: &AuthClient, name: &str) -> bool {
    client.try_verify(&BearerToken::new(&format!("{name}-token")).unwrap()).is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_invalidate_together_and_forget_what_may_have_been_missed() {
    in_postgres_database(async |database| {
        let [(one, _), (other, cluster)] = [replica(database.url()).await, replica(database.url()).await];
        for client in [&one, &other] {
            fill(client);
        }
        one.invalidate("alice-token");
        one.spread().await.unwrap();
        until("the credential is invalidated", || !has(&other, "alice")).await;
        assert!(has(&one, "bob") && has(&other, "bob"));

        fill(&other);
        one.apply(&Invalidation::of(Some(7.into()), None));
        one.spread().await.unwrap();
        until("the user is invalidated", || !has(&other, "alice")).await;
        assert!(has(&other, "bob"));

        // Whoever listened has lost its session, and with it perhaps a message.
        let of_others = "datname = current_database() AND pid <> pg_backend_pid()";
        database
            .run(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {of_others}"))
            .await;
        until("everything is forgotten", || !has(&other, "bob")).await;
        assert!(cluster.connected(Duration::from_secs(10)).await);
        fill(&other);
        one.invalidate("bob-token");
        until("it hears again", || !has(&other, "bob")).await;
        assert!(has(&other, "alice"));
    })
    .await;
}
