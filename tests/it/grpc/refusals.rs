//! What tonic, grpcio and grpc-js see of each refusal, beside REST on the same port.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use aigc_auth::layer::GuardLayer;
use aigc_auth::testing::{AuthCenter, Fault};
use aigc_auth::{ActAsUser, CurrentUser};
use axum::Router;
use axum::routing::{get, post};
use serde_json::{Value, json};
use test_support::{expectations, python};
use tokio::process::Command;
use tonic::Code;
use tonic::service::Routes;

use crate::grpc::support::{Metadata, connect, streaming, unary};
use crate::support::{self, App, center, converse, get_as, serve};

/// A health service, methods that are refused further inside, and REST, all behind one layer on one port.
async fn serve_both(center: &AuthCenter) -> App {
    let (_reporter, health) = tonic_health::server::health_reporter();
    let guarded = Router::new()
        .route("/test.Guarded/{method}", post(|| async { "nobody comes here" }))
        .route_layer(GuardLayer::permission("report:purge"));
    let app = Routes::new(health)
        .into_axum_router()
        .merge(guarded)
        .route("/test.Target/{method}", post(|_: ActAsUser| async { "nobody comes here" }))
        .route("/me", get(|user: CurrentUser| async move { user.username().to_owned() }))
        .layer(support::auth(center).tell_missing_permission());
    serve(app).await
}

/// A service, metadata, and the code, message and other metadata that are expected.
type Row = (&'static str, Metadata, Code, &'static str, &'static [(&'static str, &'static str)]);

/// All four refusals, by layer, guard and extractor; and calls that are let in.
fn rows() -> Vec<Row> {
    let alice = ("authorization", "Bearer alice-token");
    let invalid = [("www-authenticate", r#"Bearer error="invalid_token""#)].as_slice();
    let scope =
        [("www-authenticate", r#"Bearer error="insufficient_scope", scope="report:purge""#)].as_slice();
    let retry = [("retry-after", "7"), ("grpc-retry-pushback-ms", "7000")].as_slice();
    vec![
        ("grpc.health.v1.Health", vec![alice], Code::Ok, "", &[]),
        (
            "grpc.health.v1.Health",
            vec![],
            Code::Unauthenticated,
            "No bearer credential was sent: send `Authorization: Bearer <token>`",
            &[("www-authenticate", "Bearer")],
        ),
        (
            "grpc.health.v1.Health",
            vec![("authorization", "Bearer unknown")],
            Code::Unauthenticated,
            "The credential is invalid or has expired",
            invalid,
        ),
        ("test.Guarded", vec![alice], Code::PermissionDenied, "Permission is missing: report:purge", scope),
        (
            "test.Target",
            vec![("authorization", "Bearer root-token"), ("x-act-as-user-id", "99")],
            Code::NotFound,
            "There is no such user",
            &[],
        ),
        (
            "grpc.health.v1.Health",
            vec![("authorization", "Bearer unseen")],
            Code::Unavailable,
            "The credential cannot be verified right now",
            retry,
        ),
    ]
}

/// The methods of a service: one that is unary, one that streams.
fn methods(service: &'static str) -> [String; 2] {
    ["Check", "Watch"].map(|method| format!("/{service}/{method}"))
}

/// Prepares for a row: the known ones first, and then the outage.
fn prepare(center: &AuthCenter, code: Code) {
    if code == Code::Unavailable {
        center.inject_fault(Fault::too_many_requests(7));
    }
}

#[tokio::test]
async fn tonic_sees_code_message_and_metadata() {
    let center = center().await;
    let app = serve_both(&center).await;
    let channel = connect(&format!("http://{}", app.address)).await;
    for (service, metadata, code, message, expected) in rows() {
        prepare(&center, code);
        let [check, watch] = methods(service).map(|path| &*path.leak());
        for (kind, seen) in [
            ("unary", unary(&channel, check, &metadata).await),
            ("streaming", streaming(&channel, watch, &metadata).await),
        ] {
            let Err(status) = seen else {
                assert_eq!(code, Code::Ok, "{service} {metadata:?}, {kind}");
                expectations::met("tonic", &format!("{service} {metadata:?}, {kind}"), "served");
                continue;
            };
            assert_eq!((status.code(), status.message()), (code, message), "{service} {metadata:?}, {kind}");
            for (name, value) in expected {
                let seen = status.metadata().get(*name).map(|value| value.to_str().unwrap());
                assert_eq!(seen, Some(*value), "{name} of {service} {metadata:?}, {kind}");
            }
            let found = format!("{code:?}: {message}");
            expectations::met("tonic", &format!("{service} {metadata:?}, {kind}"), &found);
        }
    }
}

#[tokio::test]
async fn rest_on_the_same_port_is_answered_as_ever() {
    let center = center().await;
    let app = serve_both(&center).await;
    assert_eq!(get_as(app.address, "alice-token", "/me").await.body, "alice");
    let refused = support::get(app.address, "/me", &[]).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(
        refused.json()["message"],
        "No bearer credential was sent: send `Authorization: Bearer <token>`"
    );
}

/// The clients that are installed: of PyPI, and of npm.
fn clients() -> Vec<(&'static str, Command)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grpc");
    let mut clients = vec![];
    for (name, variable, script) in
        [("grpcio", "AIGC_AUTH_GRPC_PYTHON", "calls.py"), ("grpc-js", "AIGC_AUTH_GRPC_NPM", "calls.mjs")]
    {
        let Some(value) = std::env::var_os(variable) else {
            eprintln!("skipped: {variable} is not set; tests/run.sh installs {name} and sets it");
            continue;
        };
        let mut command =
            if name == "grpc-js" { Command::new("node") } else { python::command(Path::new(&value)) };
        // A proxy that the environment names would see the calls.
        command.env("no_grpc_proxy", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command.arg(folder.join(script)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        clients.push((name, command));
    }
    clients
}

/// What a client sees of these calls.
async fn calls(name: &str, mut client: Command, address: SocketAddr, rows: &[Row]) -> Vec<Value> {
    let calls: Vec<_> =
        rows.iter()
            .flat_map(|(service, metadata, ..)| {
                methods(service).into_iter().zip([false, true]).map(
                    move |(path, streams)| json!({"path": path, "streams": streams, "metadata": metadata}),
                )
            })
            .collect();
    let task = json!({"address": address.to_string(), "calls": calls});
    let Value::Array(seen) = converse(client.spawn().unwrap(), name, &task).await else {
        panic!("{name}: no list")
    };
    assert_eq!(seen.len(), calls.len(), "{name}");
    seen
}

#[tokio::test]
async fn other_clients_see_code_message_and_metadata() {
    for (name, client) in clients() {
        let center = center().await;
        let app = serve_both(&center).await;
        // The layer knows alice and root by then, and so the fault meets the unseen one alone.
        for token in ["alice-token", "root-token", "unknown"] {
            get_as(app.address, token, "/me").await;
        }
        center.inject_fault_on("/user/info", Fault::too_many_requests(7));
        let rows = rows();
        let seen = calls(name, client, app.address, &rows).await;
        for ((service, metadata, code, message, expected), seen) in
            rows.iter().flat_map(|row| [row, row]).zip(&seen)
        {
            let what = format!("{name}: {service} {metadata:?}: {seen}");
            assert_eq!(seen["code"], json!(i32::from(*code)), "{what}");
            assert_eq!(seen["message"], json!(message), "{what}");
            for (header, value) in *expected {
                assert_eq!(seen["metadata"][header], json!(value), "{what}");
            }
            expectations::met(name, &format!("{service} {metadata:?}"), &format!("{code:?}: {message}"));
        }
    }
}
