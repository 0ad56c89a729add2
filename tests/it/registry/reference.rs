//! Requests of registered services, field by field those of the reference client.

use aigc_auth::AuthClient;
use aigc_auth::registry::{Environment, Registration, RegistrationBuilder, ServiceType};
use aigc_auth::testing::{AuthCenter, RecordedRequest};
use serde_json::{Value, json};

use crate::registry::settings::auto_in_a_child;
use crate::registry::support::{PATIENCE, heartbeats_until, online};
use crate::support::{Reference, client};

/// The settings of the reference client, and the same here.
fn both() -> Vec<(Value, RegistrationBuilder)> {
    let ips = || ["10.0.0.1", "2001:db8::1"].map(|ip| ip.parse().unwrap());
    let metadata = json!({ "commit": "abc", "more": [1, null, "接单"] });
    vec![
        // Neither detects addresses: what this machine has may not be the same to both.
        (
            json!({ "name": "orders", "ips": ["10.0.0.1", "2001:db8::1"] }),
            Registration::builder("orders").ips(ips()),
        ),
        (json!({ "name": "orders", "ips": [] }), Registration::builder("orders").ips([])),
        (
            json!({ "name": "orders", "port": 8000, "ips": ["10.0.0.1", "2001:db8::1"] }),
            Registration::builder("orders").port(8000).ips(ips()),
        ),
        (
            json!({
                "name": "接单 🧾", "service_type": "mcp", "environment": "test", "port": 1, "ips": ["10.0.0.1"],
                "instance_id": "orders-1", "tags": ["a", "b \"c\""], "description": "takes\norders",
                "metadata": metadata,
            }),
            Registration::builder("接单 🧾")
                .service_type(ServiceType::Mcp)
                .environment(Environment::Test)
                .port(1)
                .ips(["10.0.0.1".parse().unwrap()])
                .instance_id("orders-1")
                .tags(["a", "b \"c\""])
                .description("takes\norders")
                .metadata(metadata.as_object().cloned().unwrap()),
        ),
        (
            json!({ "name": "bills", "service_type": "website", "environment": "pre", "ips": ["10.0.0.1"], "tags": [] }),
            Registration::builder("bills")
                .service_type(ServiceType::Website)
                .environment(Environment::Pre)
                .ips(["10.0.0.1".parse().unwrap()])
                .tags([] as [String; 0]),
        ),
    ]
}

fn seen(request: &RecordedRequest) -> (String, Value, Vec<Option<String>>) {
    let names = ["x-app-id", "x-app-secret", "content-type", "x-trace-id"];
    let header = |name| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    (request.endpoint.clone(), request.body.clone(), names.map(header).to_vec())
}

/// The reference's instance id as it is here. Intended: a default id has a part that no other process has, and no address,
/// which may go away.
fn id_here(theirs: &Value, ours: &Value) -> Value {
    let (theirs, ours) = (theirs.as_str().unwrap(), ours.as_str().unwrap());
    let Some((_, own)) = ours.rsplit_once(':') else { return theirs.into() };
    assert!(own.len() == 8 && own.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ours}");
    let base = match theirs.split_once(':') {
        Some((host, ip)) if ip.parse::<u16>().is_err() => host,
        _ => theirs,
    };
    format!("{base}:{own}").into()
}

/// Of each service: the registration, one heartbeat and the end.
fn calls(center: &AuthCenter) -> Vec<(String, Value, Vec<Option<String>>)> {
    let mut calls: Vec<_> = center.requests().iter().map(seen).collect();
    calls.dedup_by(|one, other| one == other && one.0 == "/service/heartbeat");
    calls
}

async fn by_the_reference(
    reference: &Reference,
    center: &AuthCenter,
    input: &Value,
    more: &[(&str, &str)],
) -> Value {
    let url = center.url();
    let connected = [
        ("AIGC_AUTH_APP_ID", center.app_id()),
        ("AIGC_AUTH_APP_SECRET", center.app_secret()),
        ("AIGC_AUTH_BASE_URL", &url),
    ];
    reference.run("register_service.py", &[&connected[..], more].concat(), input).await
}

#[tokio::test]
async fn requests_match_reference() {
    for reference in Reference::all_versions() {
        let theirs = AuthCenter::builder().app_id("my-app").app_secret("a secret").start().await;
        let ours = AuthCenter::builder().app_id("my-app").app_secret("a secret").start().await;
        for center in [&theirs, &ours] {
            center.set_config("orders", json!({ "LIMIT": 7, "接单": [null] }));
        }
        let (settings, registrations): (Vec<_>, Vec<_>) = both().into_iter().unzip();
        let said = by_the_reference(&reference, &theirs, &settings.clone().into(), &[]).await;

        for (registration, said) in registrations.into_iter().zip(said.as_array().unwrap()) {
            let before = ours.calls("/service/heartbeat");
            let handle = online(registration, &ours).await;
            let config = handle.config();
            let id = Value::from(handle.service().instance_id.clone());
            assert_eq!(id, id_here(&said["instance_id"], &id));
            assert_eq!(
                json!({ "config": config.value, "version": config.version }),
                json!({ "config": said["config"], "version": said["version"] })
            );
            heartbeats_until("a heartbeat arrives", || ours.calls("/service/heartbeat") > before).await;
            handle.shutdown(PATIENCE).await.unwrap();
        }
        let (mut expected, calls) = (calls(&theirs), calls(&ours));
        for (call, expected) in calls.iter().zip(&mut expected) {
            expected.1["instanceId"] = id_here(&expected.1["instanceId"], &call.1["instanceId"]);
        }
        // Intended: the reference drops port and metadata, and sends null in its heartbeats.
        for ((endpoint, body, _), settings) in
            expected.iter_mut().zip(settings.iter().flat_map(|one| [one; 3]))
        {
            if endpoint == "/service/heartbeat" {
                for name in ["port", "metadata"] {
                    assert_eq!(body[name], Value::Null, "{name}");
                    body[name] = settings.get(name).cloned().unwrap_or_default();
                }
            }
        }
        assert_eq!(calls.len(), 3 * settings.len());
        for (call, expected) in calls.iter().zip(&expected) {
            assert_eq!(call, expected);
        }
        assert_eq!(calls, expected);
        assert!(theirs.services().is_empty() && ours.services().is_empty());
    }
}

#[tokio::test]
async fn environment_is_read_like_reference() {
    for reference in Reference::all_versions() {
        let name = ("AIGC_SERVICE_NAME", "orders");
        for variables in [
            &[name, ("AIGC_SERVICE_IPS", "10.0.0.1, 10.0.0.2,")][..],
            &[
                name,
                ("AIGC_SERVICE_IPS", "10.0.0.1"),
                ("AIGC_SERVICE_PORT", "8000"),
                ("AIGC_SERVICE_ENV", "pre"),
            ],
            &[
                name,
                ("AIGC_SERVICE_IPS", "10.0.0.1"),
                ("AIGC_SERVICE_TYPE", "plugin"),
                ("AIGC_SERVICE_TAGS", "a, b"),
                ("AIGC_SERVICE_DESCRIPTION", " takes orders "),
                ("AIGC_SERVICE_INSTANCE_ID", "orders-1"),
                ("AIGC_SERVICE_HEARTBEAT_INTERVAL", "30"),
            ],
        ] {
            let center = AuthCenter::start().await;
            by_the_reference(&reference, &center, &json!([]), variables).await;
            let theirs = center.requests();
            center.clear_requests();
            auto_in_a_child(&center, variables).await;
            let ours: Vec<_> = center.requests().iter().map(seen).collect();
            let mut theirs: Vec<_> = theirs.iter().map(seen).collect();
            for (ours, theirs) in ours.iter().zip(&mut theirs) {
                theirs.1["instanceId"] = id_here(&theirs.1["instanceId"], &ours.1["instanceId"]);
            }
            assert_eq!(ours, theirs);
            assert_eq!(ours.len(), 2, "{variables:?}");
        }
    }
}

#[tokio::test]
async fn single_calls_match_reference() {
    for reference in Reference::all_versions() {
        let (theirs, ours) = (AuthCenter::start().await, AuthCenter::start().await);
        let settings = json!([{ "name": "orders", "ips": ["10.0.0.1"], "instance_id": "orders-1" }]);
        by_the_reference(&reference, &theirs, &settings, &[]).await;
        let service =
            Registration::builder("orders").ips(["10.0.0.1".parse().unwrap()]).instance_id("orders-1");
        let (client, service): (AuthClient, _) = (client(&ours), service.service().unwrap());
        client.register_service(&service).await.unwrap();
        client.service_heartbeat(&service).await.unwrap();
        client.unregister_service(&service).await.unwrap();
        assert_eq!(calls(&ours), calls(&theirs));
    }
}
