//! Records whose token ended while the auth center was down.

use aigc_auth::credential::Credential;
use aigc_auth::stats::{Spool, StatsCollector};
use aigc_auth::testing::{self, AuthCenter, Fault};
use aigc_auth::usage::ApiRecord;
use axum::Router;
use axum::routing::get;

use crate::stats::support::SOON;
use crate::support::{self, get_as, serve, until};

const REPORT: &str = "/stats/report/batch";

/// They are kept for people, who see whose they are, and go out under a token that the user has by then.
#[tokio::test]
async fn records_of_ended_tokens_go_out_under_a_new_token_of_their_user() {
    let center = AuthCenter::start().await;
    center.add_user(testing::user("alice"));
    center.add_token("alice-token", "alice");
    let client = support::client(&center);
    let directory = std::env::temp_dir().join(format!("aigc-auth-ended-{}", std::process::id()));
    let spool = Spool::open(&directory, &client).await.unwrap();
    let refused = spool.refused();
    let stats = StatsCollector::builder().spool(spool).start(&client);
    let layer = support::auth(&center).with_stats(stats.clone());
    let job = stats.clone();
    let handler = get(async move || job.record(ApiRecord::new("POST", "https://other.example/call")));
    let app = serve(Router::new().route("/{n}", handler).layer(layer)).await;

    center.inject_fault_on(REPORT, Fault::status(503));
    for n in 0..50 {
        assert_eq!(get_as(app.address, "alice-token", &format!("/{n}")).await.status, 200);
    }
    assert_eq!(stats.flush(SOON).await.spooled, 100);
    // The outage is over, and so is the session.
    center.revoke_token("alice-token");
    center.inject_fault_on(REPORT, Fault::code(401, "未登录或 Token 已过期"));
    until("they are refused", || stats.snapshot().dead_lettered == 100).await;
    assert_eq!(stats.snapshot().spooled, 0);

    center.clear_faults();
    let batches = refused.list().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.records()).sum::<u64>(), 100);
    let alice = center.users().into_iter().find(|user| user.username() == "alice").unwrap();
    for batch in &batches {
        assert_eq!((batch.username(), batch.user_id()), (Some("alice"), Some(alice.id())), "{batch:?}");
        assert!(batch.code() == Some(401) && batch.reason().contains("Token 已过期"), "{batch:?}");
        assert!(!batch.reason().contains("alice-token"), "{batch:?}");
    }
    center.add_token("alice-again", "alice");
    let renewed = Credential::new("alice-again").unwrap();
    let renewed = batches.into_iter().map(|batch| batch.credential(renewed.clone()));
    assert_eq!(refused.resend(renewed).await.unwrap(), 100);
    until("they are billed", || center.stats().len() == 100).await;
    let billed = center.requests().into_iter().filter(|request| {
        request.endpoint == REPORT && request.headers["authorization"] == "Bearer alice-again"
    });
    assert_eq!(billed.map(|request| request.body["stats"].as_array().unwrap().len()).sum::<usize>(), 100);
    assert!(refused.list().await.unwrap().is_empty());
    let counts = stats.shutdown(SOON).await;
    assert_eq!((counts.recorded, counts.delivered, counts.dead_lettered, counts.pending), (200, 100, 100, 0));
    std::fs::remove_dir_all(directory).unwrap();
}
