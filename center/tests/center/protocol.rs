//! Calls of services, and webhooks to them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::error::ErrorKind;
use aigc_auth::webhook::{self, WebhookConfig};
use aigc_auth::{AuthClient, Secret};
use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::post;
use serde_json::json;
use test_support::http::serve;
use test_support::until_async;

use crate::support::Center;

#[tokio::test]
async fn client_of_the_printed_lines_knows_the_users() {
    let center = Center::start("--dialect 1.1.54").await;
    let client = center.client();
    let alice = client.user_info("token").await.unwrap();
    assert!(alice.is_admin() && alice.has_permission("report:read") && alice.has_group("ops"));
    assert_eq!(client.user_info("theirs").await.unwrap_err().kind(), ErrorKind::InvalidCredential);
    let nine = AuthClient::builder("9", "secret of nine", &center.env["AIGC_AUTH_BASE_URL"]).build().unwrap();
    assert_eq!(nine.user_info("theirs").await.unwrap(), alice);
    assert_eq!(client.verify_access_key("ak_alice").await.unwrap().username.as_deref(), Some("alice"));
    let expiring = client.user_info("bob-token").await.unwrap();
    assert!(expiring.valid_until().is_some());
    // The dialect is changed while it runs.
    assert!(client.create_access_key("token", &Default::default()).await.is_err());
    center.change("PUT", "/api/dialect", json!({"dialect": "1.1.62"})).await;
    let key = client.create_access_key("token", &Default::default()).await.unwrap();
    assert!(key.key.expose().starts_with("ak_") && key.key.expose().len() > 30, "nobody guesses it");
}

/// A service that has asked for events, and its cache of users.
#[tokio::test]
async fn disabled_user_is_refused_by_a_service_at_once() {
    let center = Center::start("").await;
    let client = center.client();
    let secret = Secret::from("a secret of a service");
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let events = Arc::clone(&seen);
    let config = WebhookConfig::new(secret.clone()).unwrap().invalidate(client.clone());
    let on_event = move |event: webhook::UserEvent| {
        events.lock().unwrap().push(format!("{event:?}"));
        async { Ok::<_, webhook::HandlerError>(json!({"thanks": true})) }
    };
    let app = serve(webhook::router(config, on_event)).await;
    let url = format!("http://{}/webhook/auth", app.address);
    client.register_webhook(url.as_str(), ["user.updated", "user.deleted"], &secret).await.unwrap();

    assert!(client.user_info("token").await.is_ok());
    center.change("PATCH", "/api/users/alice", json!({"status": "disabled"})).await;
    let refused =
        async || client.user_info("token").await.is_err_and(|error| error.kind() == ErrorKind::Denied);
    until_async("the cached user is refused", refused).await;
    center.change("PATCH", "/api/users/alice", json!({"status": "active"})).await;
    until_async("and served again", async || client.user_info("token").await.is_ok()).await;
    center.change("DELETE", "/api/users/alice", json!(null)).await;
    until_async("a deleted one is nobody", async || client.user_info("token").await.is_err()).await;

    let answers = async || {
        let events = center.events(0).await.into_iter();
        events.filter(|event| event["type"] == "webhook").collect::<Vec<_>>()
    };
    until_async("the console sees the answers", async || answers().await.len() == 3).await;
    for answer in answers().await {
        assert_eq!(
            (&answer["is_delivered"], &answer["status"], &answer["username"]),
            (&json!(true), &json!(200), &json!("alice"))
        );
        assert_eq!((&answer["answer"], &answer["url"]), (&json!("{\"thanks\":true}"), &json!(url)));
    }
    let names: Vec<_> =
        answers().await.iter().map(|answer| answer["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["user.updated", "user.updated", "user.deleted"]);
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn webhooks_that_do_not_arrive_are_shown() {
    let center = Center::start("").await;
    let client = center.client();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let unreachable = format!("http://{}/hook", nobody.local_addr().unwrap());
    drop(nobody);
    client
        .register_webhook(unreachable.as_str(), ["user.created"], &Secret::from("a secret of 16 b"))
        .await
        .unwrap();
    // Our client would not send this secret; others do.
    let short = json!({"url": "http://127.0.0.1:1/", "events": ["user.created"], "secret": "hunter2"});
    let request = center.http.post(format!("{}/aigc-auth/sdk/webhook/register", center.url)).json(&short);
    let request = request.header("x-app-id", "42").header("x-app-secret", "test-secret");
    assert_eq!(request.send().await.unwrap().status(), 200);
    client
        .register_webhook("http://127.0.0.1:1/", ["user.deleted"], &Secret::from("a secret of 16 b"))
        .await
        .unwrap();
    center.change("POST", "/api/users/dave", json!({})).await;
    let failures = async || {
        let events = center.events(0).await.into_iter();
        events.filter(|event| event["type"] == "webhook").collect::<Vec<_>>()
    };
    until_async("all attempts", async || failures().await.len() == 2).await;
    let mut failures = failures().await;
    failures.sort_by_key(|failure| failure["webhook_id"].as_u64());
    assert_eq!((&failures[0]["attempts"], &failures[0]["is_delivered"]), (&json!(3), &json!(false)));
    assert!(failures[0]["answer"].as_str().unwrap().contains("cannot connect"), "{}", failures[0]);
    let (attempts, answer) = (&failures[1]["attempts"], failures[1]["answer"].as_str().unwrap());
    assert!(attempts == 0 && answer.contains("not sent") && !answer.contains("hunter2"), "{answer}");
}

/// What a receiver answers instead of 2xx is shown, and nothing follows a redirect.
#[tokio::test]
async fn answers_of_receivers_are_shown() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let elsewhere = move || async move {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let receivers = Router::new()
        .route("/broken", post(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "out of order") }))
        .route("/moved", post(|| async { Redirect::temporary("/elsewhere") }))
        .route("/elsewhere", post(elsewhere))
        .route("/long", post(|| async { "x".repeat(100_000) }));
    let receivers = serve(receivers).await;
    let center = Center::start("").await;
    for path in ["broken", "moved", "long"] {
        let url = format!("http://{}/{path}", receivers.address);
        let secret = Secret::from("a secret of 16 b");
        center.client().register_webhook(url.as_str(), ["user.updated"], &secret).await.unwrap();
    }
    center.change("PATCH", "/api/users/bob", json!({"nickname": "Bob"})).await;
    let told = async || {
        let events = center.events(0).await.into_iter();
        events.filter(|event| event["type"] == "webhook").collect::<Vec<_>>()
    };
    until_async("all receivers", async || told().await.len() == 3).await;
    let mut told = told().await;
    told.sort_by_key(|told| told["webhook_id"].as_u64());
    for (told, (attempts, is_delivered, text)) in told.iter().zip([
        (3, false, "500 Internal Server Error"),
        (1, false, "307 Temporary Redirect"),
        (1, true, ""),
    ]) {
        assert_eq!(
            (&told["attempts"], &told["is_delivered"]),
            (&json!(attempts), &json!(is_delivered)),
            "{told}"
        );
        let answer = told["answer"].as_str().unwrap();
        assert!(answer.contains(text) && answer.len() <= 1_000 && !answer.contains("a secret"), "{told}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn services_get_the_configuration_of_the_console() {
    let center = Center::start("").await;
    let call = async |endpoint: &str, body: serde_json::Value| -> serde_json::Value {
        let url = format!("{}/aigc-auth/sdk{endpoint}", center.url);
        let request = center.http.post(url).header("x-app-id", "42").header("x-app-secret", "test-secret");
        request.json(&body).send().await.unwrap().json().await.unwrap()
    };
    let service = json!({"name": "orders", "environment": "test", "instanceId": "1"});
    let registered = call("/service/register", service.clone()).await;
    assert_eq!(registered["data"]["config"], json!({"limit": 5}), "of the seed");
    center.change("PUT", "/api/services/orders/config", json!({"limit": 6})).await;
    assert_eq!(call("/service/heartbeat", service).await["data"]["config"], json!({"limit": 6}));
    let (_, state) = center.api("GET", "/api/state", None).await;
    assert_eq!((&state["online"][0]["heartbeats"], &state["online"][0]["online"]), (&json!(1), &json!(true)));
    assert!(state["tables"]["instances"][0]["value"]["last_seen"]["secs_since_epoch"].is_u64());
}

/// An outage with an end: the port refuses connections, the console stays, and the service goes on afterwards.
#[tokio::test]
async fn switched_outage_ends_after_its_time() {
    let center = Center::start("").await;
    let client = center.client_builder().timeout(Duration::from_millis(500)).build().unwrap();
    let unavailable = async |token: &str| {
        client.user_info(token).await.is_err_and(|error| error.kind() == ErrorKind::Unavailable)
    };
    for (fault, token) in [
        (json!({"kind": "refuse"}), "a"),
        (json!({"kind": "hang"}), "b"),
        (json!({"kind": "status", "status": 503}), "c"),
        (json!({"kind": "not_json"}), "d"),
        (json!({"kind": "truncated"}), "e"),
        (json!({"kind": "reset"}), "f"),
    ] {
        center.change("POST", "/api/faults", json!({"endpoint": "*", "fault": fault, "seconds": 60})).await;
        assert!(unavailable(token).await, "{fault}");
        center.change("POST", "/api/faults/clear", json!({"endpoint": "*"})).await;
    }
    let fault = json!({"kind": "code", "code": 403, "message": "no"});
    center
        .change("POST", "/api/faults", json!({"endpoint": "/user/info", "fault": fault, "seconds": 1}))
        .await;
    let fresh = center.client();
    assert_eq!(fresh.user_info("bob-token").await.unwrap_err().kind(), ErrorKind::Denied);
    assert!(fresh.verify_token("token").await.is_ok(), "another endpoint");
    let is_over = async || {
        let (_, state) = center.api("GET", "/api/state", None).await;
        state["faults"] == json!([])
    };
    until_async("the fault is over", is_over).await;
    assert!(center.client().user_info("bob-token").await.is_ok());
    let events = center.events(0).await;
    let faults = events.iter().filter(|event| event["type"] == "fault" && event["endpoint"] == "/user/info");
    let faults: Vec<_> = faults.map(|event| event["fault"].clone()).collect();
    assert_eq!(faults, [json!("code 403"), json!(null)]);
}
