use aigc_auth::testing::{self, AuthCenter, Fault};

use crate::support::{client, until_async};

async fn center() -> AuthCenter {
    let center = AuthCenter::start().await;
    center.add_user(testing::user("alice"));
    center.add_token("t", "alice");
    center
}

#[tokio::test]
async fn outage_lasts_as_long_as_its_guard() {
    let center = center().await;
    for fault in [Fault::Refuse, Fault::status(503), Fault::Reset] {
        let client = client(&center);
        center.inject_fault_on("/groups/list", Fault::status(500));
        let outage = center.outage_by(fault);
        assert_eq!(client.user_info("t").await.unwrap_err().status(), 503, "{outage:?}");
        drop(outage);
        until_async("it is over", async || client.user_info("t").await.is_ok()).await;
        assert_eq!(client.list_groups().await.unwrap_err().status(), 503, "a fault of another kind stays");
        center.clear_faults();
    }
}

#[tokio::test]
async fn outage_ends_with_a_test_that_panics() {
    let center = center().await;
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _outage = center.outage();
        panic!("the test failed");
    }));
    assert!(panicked.is_err());
    assert!(client(&center).user_info("t").await.is_ok());
}
