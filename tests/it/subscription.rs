//! `webhook::Subscription`: a service that is told of users from its start to its end.

use std::time::Duration;

use aigc_auth::testing::{AuthCenter, Fault};
use aigc_auth::webhook::{EVENTS, Subscription};
use aigc_auth::{AuthClient, AuthError, ErrorKind};
use serde_json::{Value, json};

use crate::center_support::{Canned, client_of, status, until};
use crate::support::Log;

const URL: &str = "https://my-app.example.com/webhook/auth";
const SECRET: &str = "hunter2, and then some more";
/// Longer than anything here takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

fn client(center: &AuthCenter) -> AuthClient {
    client_of(center, |builder| builder)
}

fn start(client: &AuthClient) -> Subscription {
    Subscription::start(client, URL, EVENTS, SECRET)
}

fn kind(error: &AuthError) -> ErrorKind {
    error.kind()
}

#[tokio::test]
async fn it_subscribes_to_what_was_asked_for_and_ends_with_the_service() {
    let center = AuthCenter::start().await;
    let client = client(&center);
    let subscription = start(&client);
    assert_eq!(subscription.id(), None, "a service starts without waiting");
    let id = subscription.settled().await.unwrap();
    assert_eq!((subscription.id(), id.to_string()), (Some(id.clone()), "1".to_owned()));
    let all = json!(["user.created", "user.updated", "user.login", "user.deleted", "user.init_sync_auth",]);
    let expected = json!({ "webhook_id": 1, "url": URL, "events": all, "secret": SECRET });
    assert_eq!(center.webhooks(), [expected]);

    subscription.end(PATIENCE).await.unwrap();
    assert_eq!(center.webhooks(), [] as [Value; 0]);
    assert_eq!((center.calls("/webhook/register"), center.calls("/webhook/unregister")), (1, 1));

    let two = Subscription::start(&client, URL, ["user.deleted", "team.created"], SECRET);
    two.settled().await.unwrap();
    assert_eq!(center.webhooks()[0]["events"], json!(["user.deleted", "team.created"]));
}

#[tokio::test]
async fn everybody_who_waits_is_told() {
    let center = AuthCenter::start().await;
    let client = client(&center);
    let subscription = start(&client);
    let (one, other) = tokio::join!(subscription.settled(), subscription.settled());
    let late = subscription.settled().await;
    assert_eq!([one.unwrap(), other.unwrap(), late.unwrap()].map(Some), [(); 3].map(|()| subscription.id()));
}

#[tokio::test]
async fn a_refusal_is_final() {
    let center = AuthCenter::start().await;
    center.misbehave_on("/webhook/register", Fault::code(409, "no more webhooks for you"));
    let client = client(&center);
    let subscription = start(&client);
    for _ in 0..2 {
        let error = subscription.settled().await.unwrap_err();
        assert_eq!((kind(&error), error.code()), (ErrorKind::Rejected, 409));
        assert_eq!(error.detail(), Some("no more webhooks for you"));
    }
    assert_eq!((subscription.id(), center.calls("/webhook/register")), (None, 1));
    subscription.end(PATIENCE).await.unwrap();
    assert_eq!(center.calls("/webhook/unregister"), 0, "there is nothing to end");
}

#[tokio::test]
async fn what_did_not_succeed_is_a_refusal_too() {
    let canned = Canned::with_data(json!({ "webhook_id": "w-1", "success": false })).await;
    let subscription = start(&canned.client(|builder| builder));
    assert_eq!(kind(&subscription.settled().await.unwrap_err()), ErrorKind::Rejected);

    let canned = Canned::with_data(json!({ "webhook_id": "w-1" })).await;
    let subscription = start(&canned.client(|builder| builder));
    assert_eq!(subscription.settled().await.unwrap().to_string(), "w-1");
    subscription.end(PATIENCE).await.unwrap();
    assert_eq!(canned.requests()[1].1, json!({ "webhookId": "w-1" }), "the id as it came");
}

#[tokio::test]
async fn who_drops_it_stays_subscribed() {
    let center = AuthCenter::start().await;
    let subscription = start(&client(&center));
    subscription.settled().await.unwrap();
    drop(subscription);
    // A later call of the same client would come after any that the drop might have caused.
    client(&center).verify_token("x").await.unwrap();
    assert_eq!((center.webhooks().len(), center.calls("/webhook/unregister")), (1, 0));
}

#[tokio::test]
async fn who_drops_it_before_the_center_answers_ends_the_attempts() {
    let center = AuthCenter::start().await;
    center.misbehave(status(500, None));
    let subscription = start(&client(&center));
    until("the first attempt", || center.calls("/webhook/register") == 1).await;
    let waiting = tokio::time::timeout(Duration::ZERO, subscription.settled()).await;
    assert!(waiting.is_err(), "nothing is settled");
    drop(subscription);
    center.behave();
    assert_eq!(center.webhooks(), [] as [Value; 0]);
}

#[tokio::test]
async fn what_ends_before_it_began_leaves_nothing() {
    let center = AuthCenter::start().await;
    start(&client(&center)).end(PATIENCE).await.unwrap();
    assert_eq!(center.calls("/webhook/register"), 0);

    // Between two attempts there is nothing to wait for.
    center.misbehave(status(503, None));
    let subscription = start(&client(&center));
    let log = Log::start();
    let mut said = String::new();
    until("the first attempt fails", || {
        said += &log.take();
        said.contains("not subscribed to webhooks yet")
    })
    .await;
    subscription.end(PATIENCE).await.unwrap();
    assert_eq!(center.calls("/webhook/unregister"), 0);
}

/// The service is told to stop while the auth center's answer is on its way: it must not be sent events for ever.
#[tokio::test]
async fn what_ends_while_it_begins_is_ended() {
    let center = AuthCenter::start().await;
    center.delay(Duration::from_millis(50));
    let subscription = start(&client(&center));
    until("the center subscribes it", || center.webhooks().len() == 1).await;
    center.delay(Duration::ZERO);
    subscription.end(PATIENCE).await.unwrap();
    assert_eq!(center.webhooks(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_center_that_is_down_keeps_nobody_from_ending() {
    let deadline = Duration::from_millis(50);
    let center = AuthCenter::start().await;
    for fault in [Fault::Hang, status(500, None), Fault::Refuse] {
        let subscription = start(&client(&center));
        subscription.settled().await.unwrap();
        center.misbehave(fault.clone());
        let error = subscription.end(deadline).await.unwrap_err();
        assert_eq!(kind(&error), ErrorKind::Unavailable, "{fault:?}");
        let detail = error.detail().unwrap();
        assert!(detail.contains("in time") || detail.contains("POST /webhook/unregister"), "{error}");
        center.behave();
    }
    // Nor does one that never answered at all.
    center.misbehave(Fault::Hang);
    let subscription = start(&client(&center));
    until("it is asked", || center.calls("/webhook/register") == 4).await;
    let error = subscription.end(deadline).await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_subscription_that_the_center_has_forgotten_is_no_longer_there_to_end() {
    let center = AuthCenter::start().await;
    let client = client(&center);
    let subscription = start(&client);
    let id = subscription.settled().await.unwrap();
    client.unregister_webhook(&id).await.unwrap();
    assert_eq!(kind(&subscription.end(PATIENCE).await.unwrap_err()), ErrorKind::Rejected);
}

#[tokio::test]
async fn nobody_is_shown_the_secret() {
    let log = Log::start();
    let center = AuthCenter::start().await;
    center.misbehave_on("/webhook/register", Fault::code(400, format!("the secret {SECRET} is weak")));
    let refused = start(&client(&center));
    let error = refused.settled().await.unwrap_err();
    center.behave();
    let subscription = start(&client(&center));
    subscription.settled().await.unwrap();
    let told = format!("{refused:?} {subscription:?} {error} {error:?} {}", log.take());
    assert!(told.contains("subscribed to webhooks") && told.contains("refuses to send webhooks"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}
