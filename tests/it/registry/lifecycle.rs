//! A registered service from its start to its end: heartbeats, configuration, outages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::error::ErrorKind;
use aigc_auth::registry::{Registration, RegistrationState, ServiceConfig};
use aigc_auth::testing::{self, AuthCenter, Fault};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::registry::support::{A_HEARTBEAT, PATIENCE, bodies, heartbeats_until, is, online, orders, pass};
use crate::support::rig::status;
use crate::support::{self, Canned, Log, client, serve, until};

fn seen(config: &ServiceConfig) -> (&Value, &Value) {
    (&config.value, &config.version)
}

#[tokio::test]
async fn service_registers_sends_heartbeats_and_unregisters() {
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    let metadata = json!({ "commit": "abc" }).as_object().cloned().unwrap();
    let registration = orders().tags(["a", "b"]).description("takes orders").metadata(metadata);
    let handle = registration.instance_id("orders-1").start(&client(&center)).unwrap();
    assert_eq!(handle.state(), RegistrationState::Registering);
    assert_eq!(handle.config(), ServiceConfig::default(), "a service starts without waiting");
    is(&handle, RegistrationState::Online).await;
    assert_eq!(seen(&handle.config()), (&json!({ "LIMIT": 7 }), &json!(2)));
    let registered = json!({
        "name": "orders", "serviceType": "other", "environment": "pro", "port": 8000, "ips": ["10.0.0.1"],
        "instanceId": "orders-1", "tags": ["a", "b"], "description": "takes orders", "metadata": { "commit": "abc" },
    });
    assert_eq!(bodies(&center, "/service/register"), [registered]);

    for beats in 1..4 {
        heartbeats_until("a heartbeat arrives", || center.services()[0]["heartbeats"] == beats).await;
    }
    let beat = json!({
        "name": "orders", "environment": "pro", "instanceId": "orders-1", "ips": ["10.0.0.1"], "port": 8000,
        "metadata": { "commit": "abc" },
    });
    assert_eq!(bodies(&center, "/service/heartbeat"), [&beat, &beat, &beat].map(Clone::clone));

    let states = handle.state_changes();
    handle.shutdown(PATIENCE).await.unwrap();
    assert_eq!(*states.borrow(), RegistrationState::Stopped);
    let gone = json!({ "name": "orders", "environment": "pro", "instanceId": "orders-1" });
    assert_eq!(bodies(&center, "/service/unregister"), [gone]);
    assert_eq!((center.services(), center.calls("/service/register")), (vec![], 1));
}

#[tokio::test]
async fn heartbeat_publishes_config_change() {
    let center = AuthCenter::start().await;
    let handle = online(orders(), &center).await;
    let mut changes = handle.config_changes();
    timeout(PATIENCE, changes.changed()).await.expect("the first is the one that is there").unwrap();
    assert_eq!(seen(&changes.borrow_and_update()), (&json!({}), &json!(1)));
    assert!(!changes.has_changed().unwrap());

    center.set_config("orders", json!({ "LIMIT": 8 }));
    heartbeats_until("a change", || changes.has_changed().unwrap()).await;
    assert_eq!(seen(&changes.borrow_and_update()), (&json!({ "LIMIT": 8 }), &json!(2)));
    assert_eq!(handle.config(), *changes.borrow());
    let mut late = handle.config_changes();
    timeout(PATIENCE, late.changed()).await.expect("a late receiver gets it").unwrap();

    drop(handle);
    assert!(timeout(PATIENCE, changes.changed()).await.expect("the end").is_err());
    assert_eq!(changes.borrow().value, json!({ "LIMIT": 8 }));
}

#[tokio::test]
async fn config_deserializes_into_custom_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Settings {
        #[serde(rename = "LIMIT")]
        limit: u8,
        #[serde(rename = "API_KEY", default)]
        api_key: String,
    }

    let canned = Canned::start(|_, body| {
        let config = match body["instanceId"].as_str().unwrap() {
            "whole" => json!({ "LIMIT": 7, "API_KEY": "hunter2" }),
            "part" => json!({ "LIMIT": 7 }),
            "wrong" => json!({ "LIMIT": "hunter2" }),
            "lacking" => json!({ "API_KEY": "hunter2" }),
            "large" => json!({ "LIMIT": 31_337 }),
            _ => json!(["hunter2"]),
        };
        json!({ "code": 0, "message": "success", "data": { "config": config, "config_version": 5 } })
    })
    .await;
    let client = canned.client(|builder| builder);
    for (instance, expected) in [
        ("whole", Ok(Settings { limit: 7, api_key: "hunter2".to_owned() })),
        ("part", Ok(Settings { limit: 7, api_key: String::new() })),
        ("wrong", Err(())),
        ("lacking", Err(())),
        ("large", Err(())),
        ("no object", Err(())),
    ] {
        let handle = orders().instance_id(instance).start(&client).unwrap();
        let none = handle.config_as::<Settings>().unwrap_err();
        assert_eq!(none.kind(), ErrorKind::Unavailable, "{instance}: nothing has come yet");
        is(&handle, RegistrationState::Online).await;
        let read = handle.config_as::<Settings>();
        if let Err(error) = &read {
            let shown = format!("{error} {error:?}");
            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{shown}");
            assert!(
                shown.contains("`orders`") && shown.contains("Settings") && shown.contains("column"),
                "{shown}"
            );
            assert!(!shown.contains("hunter2") && !shown.contains("31337"), "{shown}");
        }
        assert_eq!(read.map_err(|_| ()), expected, "{instance}");
        assert!(handle.config_as::<Value>().is_ok());
    }
}

#[tokio::test]
async fn outage_retries_and_keeps_last_config() {
    let log = Log::start();
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    center.inject_fault(status(503, None));
    let handle = orders().start(&client(&center)).unwrap();
    is(&handle, RegistrationState::Retrying).await;
    assert_eq!(handle.config_as::<Value>().unwrap_err().kind(), ErrorKind::Unavailable);
    heartbeats_until("it tries again and again", || center.calls("/service/register") > 3).await;
    center.clear_faults();
    heartbeats_until("it registers", || handle.state() == RegistrationState::Online).await;

    // Whatever goes wrong later, the last configuration stays.
    for fault in [Fault::Refuse, status(500, None), Fault::Html, Fault::WrongShape, Fault::Reset, Fault::Hang]
    {
        center.inject_fault(fault.clone());
        // Time passes for one that hangs, too, until it is given up.
        heartbeats_until("it fails", || handle.state() == RegistrationState::Retrying).await;
        assert_eq!(seen(&handle.config()), (&json!({ "LIMIT": 7 }), &json!(2)), "{fault:?}");
        center.clear_faults();
        pass(Duration::from_secs(2)).await;
        is(&handle, RegistrationState::Online).await;
    }
    assert_eq!(center.services().len(), 1);
    let shown = log.take();
    assert_eq!(shown.matches("cannot reach the register").count(), 7, "once an outage: {shown}");
    // The end of the first one is the registration.
    assert_eq!(shown.matches("the register is reachable again").count(), 6, "{shown}");
    assert!(shown.contains("The call to the auth center failed: POST /service/register"), "{shown}");
    assert!(!shown.contains("credential"), "no user's credential is meant: {shown}");
    assert!(!shown.contains(center.app_secret()) && !shown.contains("LIMIT"), "{shown}");
}

/// Whoever reads the log is not to look for a network that is well.
#[tokio::test]
async fn log_tells_a_rejection_from_a_register_that_cannot_be_reached() {
    let log = Log::start();
    let center = AuthCenter::start().await;
    center.inject_fault(Fault::code(403, "services are full"));
    let handle = orders().start(&client(&center)).unwrap();
    is(&handle, RegistrationState::Retrying).await;
    heartbeats_until("it tries again", || center.calls("/service/register") > 2).await;
    let shown = log.take();
    assert_eq!(
        shown.matches("the auth center rejects the service's registration; retrying").count(),
        1,
        "{shown}"
    );
    assert!(shown.contains("403") && !shown.contains("cannot reach"), "{shown}");

    // The outage that follows is another reason, and so is the rejection after it.
    let mut said = String::new();
    for (fault, words) in [
        (Fault::Refuse, "the service cannot reach the register; retrying"),
        (
            Fault::code(403, "services are full"),
            "the auth center rejects the service's registration; retrying",
        ),
    ] {
        center.clear_faults();
        center.inject_fault(fault);
        heartbeats_until("it is logged", || {
            said += &log.take();
            said.contains(words)
        })
        .await;
        said.clear();
    }
    center.clear_faults();
    heartbeats_until("it registers", || handle.state() == RegistrationState::Online).await;
    let shown = log.take();
    assert!(!shown.contains("reachable again"), "it was all the time: {shown}");
}

#[tokio::test]
async fn log_says_once_as_what_it_is_registered() {
    let log = Log::start();
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    let handle = online(orders().instance_id("orders-1"), &center).await;
    let first = log.take();
    let line = first.lines().find(|line| line.contains("registered as")).expect(&first);
    for part in ["INFO", "orders", "pro", "orders-1", "10.0.0.1", "8000"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!first.contains("configuration has changed"), "the first is no change: {first}");

    center.clear_services();
    heartbeats_until("it registers again", || center.services().len() == 1).await;
    is(&handle, RegistrationState::Online).await;
    center.set_config("orders", json!({ "LIMIT": 8 }));
    heartbeats_until("a change", || handle.config().value["LIMIT"] == 8).await;
    let later = log.take();
    assert_eq!(later.matches("the configuration has changed").count(), 1, "{later}");
    assert!(later.contains("version=3") && !later.contains("registered as"), "{later}");
}

/// By its own code with any message, or by an HTTP status: an unknown service registers again.
#[tokio::test]
async fn unknown_service_registers_again() {
    let center = AuthCenter::start().await;
    let handle = online(orders(), &center).await;
    let refusals =
        [None, Some(Fault::code(404, "gone")), Some(Fault::code(10_086, "未注册")), Some(status(404, None))];
    for (number, refusal) in refusals.into_iter().enumerate() {
        center.clear_services();
        if let Some(fault) = refusal.clone() {
            center.inject_fault_on("/service/heartbeat", fault);
        }
        heartbeats_until("it registers again", || center.services().len() == 1).await;
        is(&handle, RegistrationState::Online).await;
        assert_eq!(center.calls("/service/register"), number + 2, "{refusal:?}");
        assert_eq!(center.calls("/service/heartbeat"), number + 1, "{refusal:?}: at once");
        center.clear_faults();
    }
    handle.shutdown(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn answer_without_config_yields_default() {
    for data in [json!(null), json!({}), json!({ "config": null, "service_id": { "not": "an id" } })] {
        let canned = Canned::with_data(data.clone()).await;
        let handle = orders().start(&canned.client(|builder| builder)).unwrap();
        is(&handle, RegistrationState::Online).await;
        assert_eq!(handle.config(), ServiceConfig::default(), "{data}");
    }
}

/// The register may be out of order, or swamped, while users can be looked up.
#[tokio::test]
async fn registry_failure_does_not_affect_user_lookups() {
    let center = AuthCenter::start().await;
    center.add_user(testing::user("alice"));
    let (client, another) = (client(&center), client(&center));
    for fault in [status(500, None), Fault::too_many_requests(60)] {
        center.inject_fault_on("/service/register", fault.clone());
        let before = center.calls("/service/register");
        let handle = orders().start(&client).unwrap();
        is(&handle, RegistrationState::Retrying).await;
        while center.calls("/service/register") < before + 9 {
            // By the time this is answered, so is what came before it.
            another.verify_token("x").await.unwrap();
            pass(Duration::from_secs(10)).await;
        }
        center.add_token("alice-token", "alice");
        assert!(client.user_info("alice-token").await.is_ok(), "{fault:?}");
        client.clear_cache();
    }
}

#[tokio::test]
async fn shutdown_respects_timeout() {
    let limit = Duration::from_millis(50);
    let center = AuthCenter::start().await;
    for fault in [Fault::Hang, status(500, None), Fault::Refuse] {
        let handle = online(orders(), &center).await;
        center.inject_fault(fault.clone());
        let error = timeout(PATIENCE, handle.shutdown(limit)).await.expect("it ends").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{fault:?}");
        // Not by the client's own timeout, which is longer.
        let in_time = error.detail().is_some_and(|detail| detail.contains("did not confirm"));
        assert!(in_time || !matches!(fault, Fault::Hang), "{error}");
        center.clear_faults();
    }
    let handle = online(orders(), &center).await;
    center.clear_services();
    handle.shutdown(PATIENCE).await.expect("an unknown service is gone");
    let handle = online(orders(), &center).await;
    center.inject_fault_on("/service/unregister", Fault::code(500, "not today"));
    assert_eq!(handle.shutdown(PATIENCE).await.unwrap_err().kind(), ErrorKind::Rejected);
}

/// The auth center would register it after it was taken off.
#[tokio::test]
async fn shutdown_during_registration_unregisters() {
    let center = AuthCenter::start().await;
    center.delay(Duration::from_millis(50));
    let handle = orders().start(&client(&center)).unwrap();
    until("the center registers it", || center.services().len() == 1).await;
    let before = center.requests().len();
    handle.shutdown(PATIENCE).await.unwrap();
    assert_eq!((before, center.services()), (1, vec![]));

    // A registration that hangs takes half of the time only.
    center.inject_fault_on("/service/register", Fault::Hang);
    let handle = orders().start(&client(&center)).unwrap();
    until("the call arrives", || center.calls("/service/register") == 2).await;
    handle.shutdown(Duration::from_millis(400)).await.expect("there is time to say that it is gone");
    assert_eq!(center.calls("/service/unregister"), 2);

    // And what was stopped before it began does not begin.
    center.clear_faults();
    orders().start(&client(&center)).unwrap().shutdown(PATIENCE).await.unwrap();
    assert_eq!(center.calls("/service/register"), 2);
}

/// As behind a proxy or a queue, which do not end what a caller has given up.
#[tokio::test]
async fn late_registration_is_reverted_on_shutdown() {
    let (asked, release) = (Arc::<Notify>::default(), Arc::<Notify>::default());
    let registered = Arc::<AtomicBool>::default();
    let register = {
        let (asked, release, registered) = (asked.clone(), release.clone(), registered.clone());
        move || async move {
            let late = async move {
                asked.notify_one();
                release.notified().await;
                registered.store(true, Ordering::SeqCst);
            };
            tokio::spawn(late).await.unwrap();
            Json(json!({ "code": 0, "data": {} }))
        }
    };
    let unregister = {
        let registered = registered.clone();
        move || async move {
            registered.store(false, Ordering::SeqCst);
            Json(json!({ "code": 0, "data": {} }))
        }
    };
    let router = Router::new()
        .route("/sdk/service/register", post(register))
        .route("/sdk/service/unregister", post(unregister))
        .route("/other", get(|| async {}));
    let app = serve(router).await;
    let client = AuthClient::builder("a", "b", format!("http://{}", app.address)).build().unwrap();
    let handle = orders().start(&client).unwrap();
    timeout(PATIENCE, asked.notified()).await.unwrap();
    let stop = tokio::spawn(handle.shutdown(PATIENCE));
    for _ in 0..5 {
        support::get(app.address, "/other", &[]).await;
    }
    release.notify_one();
    stop.await.unwrap().unwrap();
    // What came late would be there by now.
    support::get(app.address, "/other", &[]).await;
    assert!(!registered.load(Ordering::SeqCst));
}

#[tokio::test]
async fn dropped_handle_sends_nothing() {
    let center = AuthCenter::start().await;
    let handle = online(orders(), &center).await;
    let states = handle.state_changes();
    drop(handle);
    pass(A_HEARTBEAT * 10).await;
    // A later call of another client would come after any that the drop might have caused.
    client(&center).verify_token("x").await.unwrap();
    assert_eq!((center.requests().len(), center.services().len()), (2, 1));
    assert_eq!(*states.borrow(), RegistrationState::Stopped);

    // The one that is under way is given up.
    center.inject_fault(Fault::Hang);
    let handle = orders().start(&client(&center)).unwrap();
    until("the call arrives", || center.calls("/service/register") == 2).await;
    let mut states = handle.state_changes();
    drop(handle);
    let stopped = states.wait_for(|state| *state == RegistrationState::Stopped);
    timeout(PATIENCE, stopped).await.expect("at once").unwrap();
}

#[tokio::test]
async fn services_in_one_process_are_independent() {
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "n": 1 }));
    center.set_config("bills", json!({ "n": 2 }));
    let client = client(&center);
    let start = |name: &str, port| Registration::builder(name).port(port).start(&client).unwrap();
    let (orders, other, bills) = (start("orders", 1), start("orders", 2), start("bills", 3));
    for handle in [&orders, &other, &bills] {
        is(handle, RegistrationState::Online).await;
    }
    assert_eq!(
        [&orders, &other, &bills].map(|handle| handle.config().value["n"].clone()),
        [1, 1, 2].map(Value::from)
    );
    assert_eq!(center.services().len(), 3);
    orders.shutdown(PATIENCE).await.unwrap();
    heartbeats_until("the others go on", || {
        center.services().iter().all(|service| service["heartbeats"] != 0)
    })
    .await;
    let ports: Vec<_> = center.services().iter().map(|service| service["port"].clone()).collect();
    assert_eq!(ports, [3, 2]);
}

#[tokio::test]
async fn single_registry_calls_work_without_handle() {
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "n": 1 }));
    let client = client(&center);
    let service = orders().service().unwrap();
    let unknown = client.service_heartbeat(&service).await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.code()), (ErrorKind::Rejected, 404));
    let registered = client.register_service(&service).await.unwrap();
    assert_eq!(registered.service_id.map(|id| id.to_string()).as_deref(), Some("1"));
    assert_eq!(registered.instance_id.map(|id| id.to_string()), Some(service.instance_id.clone()));
    assert_eq!(client.service_heartbeat(&service).await.unwrap(), registered.config);
    assert_eq!(seen(&registered.config), (&json!({ "n": 1 }), &json!(2)));
    client.unregister_service(&service).await.unwrap();
    assert_eq!(client.unregister_service(&service).await.unwrap_err().code(), 404);
    assert_eq!(center.services(), [] as [Value; 0]);
}

#[tokio::test]
async fn config_is_hidden_from_debug_and_logs() {
    let log = Log::start();
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "API_KEY": "hunter2" }));
    let handle = online(orders(), &center).await;
    center.set_config("orders", json!({ "API_KEY": "hunter2", "LIMIT": 7 }));
    heartbeats_until("a change", || handle.config().value["LIMIT"] == 7).await;
    let registered = client(&center).register_service(&handle.service()).await.unwrap();
    let shown = format!(
        "{handle:?} {:?} {:?} {registered:?} {}",
        handle.config(),
        handle.config_changes(),
        log.take()
    );
    assert!(shown.contains("orders") && shown.contains("the configuration has changed"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("test-secret"), "{shown}");
}

#[test]
fn start_outside_runtime_fails_with_hint() {
    let client = AuthClient::builder("a", "b", "http://127.0.0.1:1").build().unwrap();
    assert!(orders().start(&client).unwrap_err().to_string().contains("tokio runtime"));
}
