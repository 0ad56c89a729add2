//! `webhook::Subscription`: from the start of a service to its shutdown.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aigc_auth::error::ErrorKind;
use aigc_auth::testing::{AuthCenter, Fault};
use aigc_auth::webhook::{EVENTS, Subscription, WebhookConfig};
use aigc_auth::{AuthClient, AuthError};
use serde_json::{Value, json};

use crate::support::rig::status;
use crate::support::{Canned, Log, client, until};

const URL: &str = "https://my-app.example.com/webhook/auth";
const SECRET: &str = "hunter2, and then some more";
/// Longer than anything here takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

fn start(client: &AuthClient) -> Subscription {
    Subscription::start(client, URL, EVENTS, SECRET).unwrap()
}

fn kind(error: &AuthError) -> ErrorKind {
    error.kind()
}

#[tokio::test]
async fn start_subscribes_and_shutdown_unsubscribes() {
    let center = AuthCenter::start().await;
    let client = client(&center);
    let subscription = start(&client);
    assert_eq!(subscription.id(), None, "a service starts without waiting");
    let id = subscription.settled().await.unwrap();
    assert_eq!((subscription.id(), id.to_string()), (Some(id.clone()), "1".to_owned()));
    let all = json!(["user.created", "user.updated", "user.login", "user.deleted", "user.init_sync_auth",]);
    let expected = json!({ "webhook_id": 1, "url": URL, "events": all, "secret": SECRET });
    assert_eq!(center.webhooks(), [expected]);

    subscription.shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.webhooks(), [] as [Value; 0]);
    assert_eq!((center.calls("/webhook/register"), center.calls("/webhook/unregister")), (1, 1));

    let two = Subscription::start(&client, URL, ["user.deleted", "team.created"], SECRET).unwrap();
    two.settled().await.unwrap();
    assert_eq!(center.webhooks()[0]["events"], json!(["user.deleted", "team.created"]));
}

#[tokio::test]
async fn all_waiters_get_subscription_id() {
    let center = AuthCenter::start().await;
    let client = client(&center);
    let subscription = start(&client);
    let (one, other) = tokio::join!(subscription.settled(), subscription.settled());
    let late = subscription.settled().await;
    assert_eq!([one.unwrap(), other.unwrap(), late.unwrap()].map(Some), [(); 3].map(|()| subscription.id()));
}

#[tokio::test]
async fn refusal_is_final() {
    let center = AuthCenter::start().await;
    center.inject_fault_on("/webhook/register", Fault::code(409, "no more webhooks for you"));
    let client = client(&center);
    let subscription = start(&client);
    for _ in 0..2 {
        let error = subscription.settled().await.unwrap_err();
        assert_eq!((kind(&error), error.code()), (ErrorKind::Rejected, 409));
        assert_eq!(error.detail(), Some("no more webhooks for you"));
    }
    assert_eq!((subscription.id(), center.calls("/webhook/register")), (None, 1));
    subscription.shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.calls("/webhook/unregister"), 0, "there is nothing to end");
}

#[tokio::test]
async fn unsuccessful_answer_is_refusal() {
    let canned = Canned::with_data(json!({ "webhook_id": "w-1", "success": false })).await;
    let subscription = start(&canned.client(|builder| builder));
    assert_eq!(kind(&subscription.settled().await.unwrap_err()), ErrorKind::Rejected);

    let canned = Canned::with_data(json!({ "webhook_id": "w-1" })).await;
    let subscription = start(&canned.client(|builder| builder));
    assert_eq!(subscription.settled().await.unwrap().to_string(), "w-1");
    subscription.shutdown(PATIENCE).await.unwrap();
    assert_eq!(canned.requests()[1].1, json!({ "webhookId": "w-1" }), "the id as it came");
}

#[tokio::test]
async fn drop_keeps_subscription() {
    let center = AuthCenter::start().await;
    let subscription = start(&client(&center));
    subscription.settled().await.unwrap();
    drop(subscription);
    // A later call of the same client would come after any that the drop might have caused.
    client(&center).verify_token("x").await.unwrap();
    assert_eq!((center.webhooks().len(), center.calls("/webhook/unregister")), (1, 0));
}

#[tokio::test]
async fn drop_before_answer_stops_retries() {
    let center = AuthCenter::start().await;
    center.inject_fault(status(500, None));
    let subscription = start(&client(&center));
    until("the first attempt", || center.calls("/webhook/register") == 1).await;
    let waiting = tokio::time::timeout(Duration::ZERO, subscription.settled()).await;
    assert!(waiting.is_err(), "nothing is settled");
    drop(subscription);
    center.clear_faults();
    assert_eq!(center.webhooks(), [] as [Value; 0]);
}

#[tokio::test]
async fn shutdown_before_start_leaves_nothing() {
    let center = AuthCenter::start().await;
    start(&client(&center)).shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.calls("/webhook/register"), 0);

    // Between two attempts there is nothing to wait for.
    center.inject_fault(status(503, None));
    let subscription = start(&client(&center));
    let log = Log::start();
    let mut said = String::new();
    until("the first attempt fails", || {
        said += &log.take();
        said.contains("cannot subscribe to webhooks; will retry")
    })
    .await;
    subscription.shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.calls("/webhook/unregister"), 0);
}

/// The service stops while the auth center's answer is on its way: it must not be sent events for ever.
#[tokio::test]
async fn shutdown_during_registration_unsubscribes() {
    let center = AuthCenter::start().await;
    center.delay(Duration::from_millis(50));
    let subscription = start(&client(&center));
    until("the center subscribes it", || center.webhooks().len() == 1).await;
    center.delay(Duration::ZERO);
    subscription.shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.webhooks(), [] as [Value; 0]);
}

#[tokio::test]
async fn shutdown_during_outage_returns_error_in_time() {
    let timeout = Duration::from_millis(50);
    let center = AuthCenter::start().await;
    for fault in [Fault::Hang, status(500, None), Fault::Refuse] {
        let subscription = start(&client(&center));
        subscription.settled().await.unwrap();
        center.inject_fault(fault.clone());
        let error = subscription.shutdown(timeout).await.unwrap_err();
        assert_eq!(kind(&error), ErrorKind::Unavailable, "{fault:?}");
        let detail = error.detail().unwrap();
        assert!(detail.contains("in time") || detail.contains("POST /webhook/unregister"), "{error}");
        center.clear_faults();
    }
    // Nor does one that never answered at all.
    center.inject_fault(Fault::Hang);
    let subscription = start(&client(&center));
    until("the call arrives", || center.calls("/webhook/register") == 4).await;
    let error = subscription.shutdown(timeout).await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Unavailable);
}

#[tokio::test]
async fn shutdown_of_unknown_subscription_is_rejected() {
    let center = AuthCenter::start().await;
    let client = client(&center);
    let subscription = start(&client);
    let id = subscription.settled().await.unwrap();
    client.unregister_webhook(&id).await.unwrap();
    assert_eq!(kind(&subscription.shutdown(PATIENCE).await.unwrap_err()), ErrorKind::Rejected);
}

#[tokio::test]
async fn secret_is_hidden_from_debug_errors_and_logs() {
    let log = Log::start();
    let center = AuthCenter::start().await;
    center.inject_fault_on("/webhook/register", Fault::code(400, format!("the secret {SECRET} is weak")));
    let refused = start(&client(&center));
    let error = refused.settled().await.unwrap_err();
    center.clear_faults();
    let subscription = start(&client(&center));
    subscription.settled().await.unwrap();
    let shown = format!("{refused:?} {subscription:?} {error} {error:?} {}", log.take());
    assert!(
        shown.contains("subscribed to webhooks") && shown.contains("webhook subscription rejected"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

/// A file of this test, which is not there yet.
fn state_file(name: &str) -> PathBuf {
    let name = format!("aigc-auth-{name}-{}.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_file(&path);
    path
}

fn start_with(client: &AuthClient, file: &Path) -> Subscription {
    Subscription::builder(client, URL, SECRET).state_file(file).start().unwrap()
}

/// Waits until the subscription is the only one, and the file says so.
async fn alone(center: &AuthCenter, subscription: &Subscription, file: &Path) {
    let id = subscription.settled().await.unwrap().to_string();
    let stored = || std::fs::read(file).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    until("there is one subscription, which the file names", || {
        let ids = stored().map(|state| state["ids"].clone());
        center.webhooks().len() == 1 && ids == Some(json!([id.parse::<u64>().unwrap()]))
    })
    .await;
    assert_eq!(center.webhooks()[0]["webhook_id"].to_string(), id, "the latest");
}

#[tokio::test]
async fn crashes_leave_one_subscription() {
    let center = AuthCenter::start().await;
    // Without a file, each start leaves one.
    for starts in 1..=3 {
        start(&client(&center)).settled().await.unwrap();
        assert_eq!(center.webhooks().len(), starts);
    }
    let (center, file) = (AuthCenter::start().await, state_file("crashes"));
    for _ in 0..5 {
        let subscription = start_with(&client(&center), &file);
        alone(&center, &subscription, &file).await;
        // As a crash does: nothing is unregistered.
        drop(subscription);
    }
    let last = start_with(&client(&center), &file);
    alone(&center, &last, &file).await;
    last.shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.webhooks(), [] as [Value; 0]);
    // After an orderly end, there is nothing to clean up.
    center.clear_requests();
    alone(&center, &start_with(&client(&center), &file), &file).await;
    assert_eq!(center.calls("/webhook/unregister"), 0);
    std::fs::remove_file(file).unwrap();
}

/// Once it is settled, the next start knows of it, whatever happens to this one.
#[tokio::test]
async fn subscription_that_is_dropped_when_settled_is_in_file() {
    let (center, file) = (AuthCenter::start().await, state_file("dropped"));
    for _ in 0..3 {
        start_with(&client(&center), &file).settled().await.unwrap();
    }
    alone(&center, &start_with(&client(&center), &file), &file).await;
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn process_that_is_replaced_leaves_new_subscription_alone() {
    let (center, file) = (AuthCenter::start().await, state_file("replaced"));
    let old = start_with(&client(&center), &file);
    alone(&center, &old, &file).await;
    let new = start_with(&client(&center), &file);
    alone(&center, &new, &file).await;
    old.shutdown(PATIENCE).await.unwrap();
    alone(&center, &new, &file).await;
    new.shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.webhooks(), [] as [Value; 0]);
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn earlier_subscription_that_cannot_be_ended_is_left_to_next_start() {
    let (center, file) = (AuthCenter::start().await, state_file("left"));
    drop({
        let first = start_with(&client(&center), &file);
        alone(&center, &first, &file).await;
        first
    });
    center.inject_fault_on("/webhook/unregister", status(500, None));
    let log = Log::start();
    let second = start_with(&client(&center), &file);
    second.settled().await.unwrap();
    let mut said = String::new();
    until("it is not ended", || {
        said += &log.take();
        said.contains("an earlier webhook subscription could not be ended")
    })
    .await;
    assert_eq!(center.webhooks().len(), 2);
    drop(second);
    center.clear_faults();
    let third = start_with(&client(&center), &file);
    alone(&center, &third, &file).await;
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn file_of_other_app_or_none_at_all_prevents_no_subscription() {
    let center = AuthCenter::start().await;
    let here =
        json!({"center": format!("{}/sdk", center.url()), "app_id": center.app_id(), "ids": [7, "w-2"]});
    let with = |field: &str, value: Value| {
        let mut state = here.clone();
        state[field] = value;
        state.to_string()
    };
    for (content, unregistered, warning) in [
        (here.to_string(), 2, ""),
        (with("app_id", json!("another")), 0, "is another app's"),
        (with("center", json!("https://elsewhere.example.com/sdk")), 0, "is another app's"),
        ("{".to_owned(), 0, "cannot be read"),
        (with("ids", json!("1")), 0, "cannot be read"),
    ] {
        let (log, file) = (Log::start(), state_file("other"));
        std::fs::write(&file, &content).unwrap();
        center.clear_requests();
        let subscription = start_with(&client(&center), &file);
        alone(&center, &subscription, &file).await;
        assert_eq!(center.calls("/webhook/unregister"), unregistered, "{content}");
        let said = log.take();
        assert!(said.contains(warning) && said.contains("WARN") != warning.is_empty(), "{content}: {said}");
        subscription.shutdown(PATIENCE).await.unwrap();
        std::fs::remove_file(file).unwrap();
    }
    // A folder that is not there.
    let log = Log::start();
    let subscription = start_with(&client(&center), Path::new("/nowhere/at/all/webhook.json"));
    subscription.settled().await.unwrap();
    let mut said = String::new();
    until("it is logged", || {
        said += &log.take();
        said.contains("cannot be written; the next start subscribes once more")
    })
    .await;
    subscription.shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.webhooks(), [] as [Value; 0]);
}

/// The auth center would sign with what it was told, and the endpoint refuses to be built with that.
#[tokio::test]
async fn secret_that_no_endpoint_takes_is_not_sent() {
    let center = AuthCenter::start().await;
    let client = client(&center);
    for secret in
        [&*format!("{SECRET}\n"), " 0123456789abcdef", "", "hunter2", "whsec_hunter2", "whsec_MDEyMzQ1Njc4"]
    {
        let of_endpoint = WebhookConfig::new(secret).unwrap_err().to_string();
        let detail = client.register_webhook(URL, EVENTS, &secret.into()).await.unwrap_err();
        assert_eq!(
            (detail.kind(), detail.detail()),
            (ErrorKind::Misconfigured, Some(&*of_endpoint)),
            "{secret:?}"
        );
        for started in [
            Subscription::start(&client, URL, EVENTS, secret),
            Subscription::builder(&client, URL, secret).start(),
        ] {
            assert_eq!(started.unwrap_err().to_string(), of_endpoint, "{secret:?}");
        }
    }
    assert_eq!(center.calls("/webhook/register"), 0);
}
