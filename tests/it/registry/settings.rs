//! What is registered: by the builder, and from the environment.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::registry::{
    Environment, Registration, RegistrationBuilder, RegistrationState, Service, ServiceType,
};
use aigc_auth::testing::AuthCenter;
use serde_json::{Value, json};

use crate::registry::support::{Directory, PATIENCE, is};
use crate::support::test_process;

fn said(service: &Service) -> Value {
    serde_json::to_value(service).unwrap()
}

/// The defaults of this machine.
fn defaults() -> Value {
    said(&Registration::builder("orders").service().unwrap())
}

fn with(mut fields: Value, changed: Value) -> Value {
    let Value::Object(changed) = changed else { panic!("{changed}") };
    fields.as_object_mut().unwrap().extend(changed);
    fields
}

#[test]
fn defaults_describe_this_host() {
    let service = Registration::builder("orders").service().unwrap();
    let (host, own) = service.instance_id.split_once(':').unwrap();
    assert!(!host.is_empty() && own.len() == 8 && !own.contains(':'), "{}", service.instance_id);
    for ip in &service.ips {
        let ip: std::net::IpAddr = ip.parse().unwrap();
        assert!(!ip.is_loopback() && !ip.is_unspecified(), "{ip}");
    }
    let others = with(said(&service), json!({ "ips": null, "instanceId": null }));
    let expected = json!({
        "name": "orders", "serviceType": "other", "environment": "pro", "port": null, "ips": null,
        "instanceId": null, "tags": null, "description": null, "metadata": null,
    });
    assert_eq!(others, expected);
    let builder = Registration::builder("orders").port(8000);
    let at_port = builder.service().unwrap();
    assert!(at_port.instance_id.starts_with(&format!("{host}:8000:")), "{}", at_port.instance_id);
    assert_eq!(builder.service().unwrap(), at_port, "what is shown is what starts");
    let again = Registration::builder("orders").port(8000).service().unwrap();
    assert_ne!(again.instance_id, at_port.instance_id, "another one after a restart");
    assert_eq!(Registration::builder("orders").ips([]).service().unwrap().ips, [] as [String; 0]);
}

#[test]
fn builder_settings_are_sent() {
    let metadata = json!({ "commit": "abc" }).as_object().cloned().unwrap();
    let registration = Registration::builder("orders")
        .service_type(ServiceType::Mcp)
        .environment(Environment::Test)
        .port(8000)
        .ips(["10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()])
        .tags(["a", "b"])
        .description("takes orders")
        .instance_id("orders-1")
        .metadata(metadata);
    let expected = json!({
        "name": "orders", "serviceType": "mcp", "environment": "test", "port": 8000,
        "ips": ["10.0.0.1", "2001:db8::1"], "instanceId": "orders-1", "tags": ["a", "b"],
        "description": "takes orders", "metadata": { "commit": "abc" },
    });
    assert_eq!(said(&registration.service().unwrap()), expected);
    for (kind, word) in [
        (ServiceType::Website, "website"),
        (ServiceType::Plugin, "plugin"),
        (ServiceType::Mcp, "mcp"),
        (ServiceType::Other, "other"),
    ] {
        assert_eq!(registration.clone().service_type(kind).service().unwrap().service_type, word);
    }
    for (environment, word) in
        [(Environment::Test, "test"), (Environment::Pre, "pre"), (Environment::Pro, "pro")]
    {
        assert_eq!(registration.clone().environment(environment).service().unwrap().environment, word);
    }
    for name in ["", "  "] {
        let error = Registration::builder(name).service().unwrap_err();
        assert!(error.to_string().contains("AIGC_SERVICE_NAME"), "{error}");
    }
}

#[test]
fn heartbeat_interval_is_clamped() {
    for (given, expected) in [(0, 1), (1, 1), (60, 60), (150, 150), (151, 150), (100_000, 150)] {
        let registration = Registration::builder("orders").heartbeat_interval(Duration::from_secs(given));
        assert!(format!("{registration:?}").contains(&format!("interval: {expected}s")), "{registration:?}");
    }
    let registration = Registration::builder("orders");
    assert!(format!("{registration:?}").contains("interval: 60s"), "{registration:?}");
}

/// Runs in a process of its own, whose environment and working directory are a test's to choose.
#[tokio::test]
async fn child_process_reads_env() {
    match std::env::var("AIGC_AUTH_TEST_CHILD").as_deref() {
        Ok("from_env") => match RegistrationBuilder::from_env() {
            Ok(registration) => {
                println!("read {}", said(&registration.service().unwrap()));
                println!("and {registration:?}");
            }
            Err(error) => println!("failed {error}"),
        },
        Ok("auto") => match Registration::auto(&AuthClient::from_env().unwrap()) {
            Ok(Some(handle)) => {
                is(&handle, RegistrationState::Online).await;
                println!("registered {}", handle.service().instance_id);
                handle.shutdown(PATIENCE).await.unwrap();
            }
            Ok(None) => println!("there is nothing to register"),
            Err(error) => println!("failed {error}"),
        },
        _ => {}
    }
}

/// Variables, and what is read from them.
type Case<T> = (&'static [(&'static str, &'static str)], T);

fn child(what: &str, variables: &[(&str, &str)], directory: &Directory) -> Child {
    let mut command = test_process(module_path!(), "child_process_reads_env");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AIGC_") {
            command.env_remove(name);
        }
    }
    command.current_dir(&directory.0).env("AIGC_AUTH_TEST_CHILD", what).envs(variables.iter().copied());
    command.stdout(Stdio::piped()).spawn().unwrap()
}

fn printed(child: Child) -> String {
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn every_variable_sets_its_field() {
    let cases: &[Case<Value>] = &[
        (&[], json!({})),
        (&[("NAME", " bills ")], json!({ "name": "bills" })),
        (&[("TYPE", "website")], json!({ "serviceType": "website" })),
        (&[("TYPE", "Plugin")], json!({ "serviceType": "plugin" })),
        (&[("TYPE", "MCP")], json!({ "serviceType": "mcp" })),
        (&[("TYPE", "other")], json!({ "serviceType": "other" })),
        (&[("ENV", "test")], json!({ "environment": "test" })),
        (&[("ENV", "PRE")], json!({ "environment": "pre" })),
        (&[("ENV", "pro")], json!({ "environment": "pro" })),
        (&[("PORT", "1"), ("INSTANCE_ID", "i")], json!({ "port": 1, "instanceId": "i" })),
        (&[("PORT", "65535"), ("INSTANCE_ID", "i")], json!({ "port": 65535, "instanceId": "i" })),
        (
            &[("IPS", " 10.0.0.2,, 10.0.0.1 ,"), ("INSTANCE_ID", "i")],
            json!({ "ips": ["10.0.0.2", "10.0.0.1"], "instanceId": "i" }),
        ),
        (&[("IPS", " , ")], json!({})),
        (&[("NETWORKS", "0.0.0.0/0, ::/0")], json!({})),
        (&[("NETWORKS", "203.0.113.0/24,")], json!({ "ips": [] })),
        (&[("NETWORKS", "203.0.113.0/24"), ("IPS", "10.0.0.1")], json!({ "ips": ["10.0.0.1"] })),
        (&[("TAGS", "a, b c ,,")], json!({ "tags": ["a", "b c"] })),
        (&[("TAGS", ",")], json!({})),
        (&[("DESCRIPTION", "接单, and more")], json!({ "description": "接单, and more" })),
        (&[("INSTANCE_ID", "orders-1")], json!({ "instanceId": "orders-1" })),
        (&[("TYPE", ""), ("ENV", " "), ("PORT", ""), ("DESCRIPTION", " ")], json!({})),
    ];
    let directory = Directory::new("variables");
    let children: Vec<_> = cases
        .iter()
        .map(|(variables, changed)| {
            let mut all = BTreeMap::from([("AIGC_SERVICE_NAME".to_owned(), "orders")]);
            all.extend(variables.iter().map(|(name, value)| (format!("AIGC_SERVICE_{name}"), *value)));
            let variables: Vec<_> = all.iter().map(|(name, value)| (&**name, *value)).collect();
            (child("from_env", &variables, &directory), variables_of(&variables), changed)
        })
        .collect();
    for (child, variables, changed) in children {
        let printed = printed(child);
        let read = printed.lines().find_map(|line| line.strip_prefix("read ")).expect(&printed);
        let mut read: Value = serde_json::from_str(read).unwrap();
        let mut expected = with(defaults(), changed.clone());
        if changed.get("instanceId").is_none() {
            // Another one in each process.
            let [ours, theirs] = [&mut expected, &mut read]
                .map(|service| service["instanceId"].take().as_str().unwrap().len());
            assert_eq!(ours, theirs, "{variables}");
        }
        assert_eq!(read, expected, "{variables}");
        assert!(printed.contains("interval: 60s"), "{printed}");
    }
}

/// The instance ids of two processes of one service with these variables.
pub(crate) fn instance_ids_of_two_children(variables: &[(&str, &str)]) -> [String; 2] {
    let directory = Directory::new("two");
    let variables = [&[("AIGC_SERVICE_NAME", "worker")], variables].concat();
    [(), ()].map(|()| child("from_env", &variables, &directory)).map(|child| {
        let printed = printed(child);
        let read = printed.lines().find_map(|line| line.strip_prefix("read ")).expect(&printed);
        let service: Value = serde_json::from_str(read).unwrap();
        service["instanceId"].as_str().unwrap().to_owned()
    })
}

fn variables_of(variables: &[(&str, &str)]) -> String {
    format!("{variables:?}")
}

#[test]
fn env_overrides_dotenv_and_derives_instance_id() {
    let directory = Directory::new("file");
    let file =
        "AIGC_SERVICE_NAME=orders-of-file\nAIGC_SERVICE_PORT=7000\nAIGC_SERVICE_HEARTBEAT_INTERVAL=30\n";
    std::fs::write(directory.0.join(".env"), file).unwrap();
    for (variables, expected) in [
        (&[][..], ["\"name\":\"orders-of-file\"", ":7000:", "interval: 30s"]),
        (
            &[("AIGC_SERVICE_NAME", "orders"), ("AIGC_SERVICE_HEARTBEAT_INTERVAL", "1")],
            ["\"name\":\"orders\"", ":7000:", "interval: 1s"],
        ),
        (
            &[("AIGC_SERVICE_PORT", "8000"), ("AIGC_SERVICE_HEARTBEAT_INTERVAL", "150")],
            ["\"name\":\"orders-of-file\"", ":8000:", "interval: 150s"],
        ),
    ] {
        let printed = printed(child("from_env", variables, &directory));
        for part in expected {
            assert!(printed.contains(part), "{part} is not in {printed}");
        }
    }
}

#[test]
fn invalid_variable_is_named_in_error() {
    const NAME: (&str, &str) = ("AIGC_SERVICE_NAME", "orders");
    let directory = Directory::new("unreadable");
    let cases: &[Case<&[&str]>] = &[
        (&[], &["AIGC_SERVICE_NAME is not set", ".env"]),
        (&[("AIGC_SERVICE_NAME", " ")], &["AIGC_SERVICE_NAME is not set"]),
        (
            &[NAME, ("AIGC_SERVICE_TYPE", "site")],
            &["AIGC_SERVICE_TYPE is `site`", "website, plugin, mcp, other"],
        ),
        (&[NAME, ("AIGC_SERVICE_ENV", "prod")], &["AIGC_SERVICE_ENV is `prod`", "test, pre, pro"]),
        (&[NAME, ("AIGC_SERVICE_PORT", "0")], &["AIGC_SERVICE_PORT is `0`", "from 1 to 65535"]),
        (&[NAME, ("AIGC_SERVICE_PORT", "65536")], &["AIGC_SERVICE_PORT"]),
        (&[NAME, ("AIGC_SERVICE_PORT", "http")], &["AIGC_SERVICE_PORT"]),
        (
            &[NAME, ("AIGC_SERVICE_NETWORKS", "10.0.0.0/8, eth0")],
            &["AIGC_SERVICE_NETWORKS has `eth0`", "10.0.0.0/8"],
        ),
        (&[NAME, ("AIGC_SERVICE_HEARTBEAT_INTERVAL", "0")], &["AIGC_SERVICE_HEARTBEAT_INTERVAL is `0`"]),
        (&[NAME, ("AIGC_SERVICE_HEARTBEAT_INTERVAL", "151")], &["1 to 150 seconds"]),
        (
            &[
                ("AIGC_SERVICE_PORT", "no"),
                ("AIGC_SERVICE_TYPE", "web"),
                ("AIGC_SERVICE_NETWORKS", "10.0.0.0/8,ten"),
            ],
            &[
                "4 settings are missing or wrong: AIGC_SERVICE_TYPE is `web`",
                "AIGC_SERVICE_PORT is `no`",
                "AIGC_SERVICE_NETWORKS has `ten`",
                "AIGC_SERVICE_NAME is not set: looked in",
            ],
        ),
        (&[NAME, ("AIGC_SERVICE_HEARTBEAT_INTERVAL", "60s")], &["AIGC_SERVICE_HEARTBEAT_INTERVAL"]),
    ];
    let start = |(variables, parts): &Case<&'static [&'static str]>| {
        (child("from_env", variables, &directory), variables_of(variables), *parts)
    };
    let children: Vec<_> = cases.iter().map(start).collect();
    for (child, variables, parts) in children {
        let printed = printed(child);
        for part in ["failed "].iter().chain(parts) {
            assert!(printed.contains(part), "{variables}: {part} is not in {printed}");
        }
    }
}

/// What a process prints that has these variables and registers itself with this center.
pub(crate) async fn auto_in_a_child(center: &AuthCenter, variables: &[(&str, &str)]) -> String {
    let url = center.url();
    let connected = [
        ("AIGC_AUTH_APP_ID", center.app_id()),
        ("AIGC_AUTH_APP_SECRET", center.app_secret()),
        ("AIGC_AUTH_BASE_URL", &url),
    ];
    let directory = Directory::new("auto");
    let child = child("auto", &[&connected[..], variables].concat(), &directory);
    tokio::task::spawn_blocking(|| printed(child)).await.unwrap()
}

#[tokio::test]
async fn auto_registers_only_with_service_name() {
    let center = AuthCenter::start().await;
    for (variables, expected, calls) in [
        (&[][..], "there is nothing to register", 0),
        (&[("AIGC_SERVICE_PORT", "8000")], "there is nothing to register", 0),
        (&[("AIGC_SERVICE_NAME", "orders"), ("AIGC_SERVICE_PORT", "x")], "failed AIGC_SERVICE_PORT", 0),
        (&[("AIGC_SERVICE_NAME", "orders"), ("AIGC_SERVICE_INSTANCE_ID", "i-1")], "registered i-1", 1),
    ] {
        let printed = auto_in_a_child(&center, variables).await;
        assert!(printed.contains(expected), "{variables:?}: {printed}");
        assert_eq!((center.calls("/service/register"), center.calls("/service/unregister")), (calls, calls));
    }
}
