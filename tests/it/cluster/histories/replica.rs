//! A replica: a service with a client in a cluster, in a process of its own or in this one.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use aigc_auth::cluster::RedisCluster;
use aigc_auth::testing::AuthCenter;
use aigc_auth::webhook::{self, HandlerError, UserEvent, WebhookConfig};
use aigc_auth::{AuthClient, AuthLayer, CurrentUser};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::json;
use test_support::http::{App, serve};
use test_support::process::{line_with, settings};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

use crate::support::test_process;

pub(super) const SECRET: &str = "the secret of the webhook";
/// Two seconds without a proof, and then the degraded TTL.
pub(super) const BOUND: Duration = Duration::from_secs(2).saturating_add(DEGRADED_TTL);
const DEGRADED_TTL: Duration = Duration::from_millis(500);
const URL: &str = "REPLICA_REDIS_URL";

fn service(app_id: &str, app_secret: &str, base_url: &str, redis: &str) -> Router {
    let cluster = RedisCluster::builder(redis).degraded_ttl(DEGRADED_TTL).build().unwrap();
    let connected = cluster.clone();
    let client = AuthClient::builder(app_id, app_secret, base_url).cluster(cluster).build().unwrap();
    let config = WebhookConfig::new(SECRET).unwrap().invalidate(client.clone());
    let handler = |_: UserEvent| async { Ok::<_, HandlerError>(json!({ "success": true })) };
    let nickname = |user: CurrentUser| async move { user.nickname().unwrap_or_default().to_owned() };
    let is_connected = move || {
        let is_connected = connected.is_connected();
        async move { if is_connected { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE } }
    };
    Router::new()
        .route("/", get(nickname))
        .layer(AuthLayer::new(client))
        .route("/connected", get(is_connected))
        .merge(webhook::router(config, handler))
}

/// Until it is dropped.
pub(super) enum Replica {
    Process {
        process: Box<Child>,
        address: SocketAddr,
        /// Kept open: a test that takes long says so, and ends if it cannot.
        _output: Lines<BufReader<ChildStdout>>,
    },
    Here(App),
}

impl Replica {
    pub(super) async fn here(center: &AuthCenter, redis: &str) -> Self {
        Self::Here(serve(service(center.app_id(), center.app_secret(), &center.url(), redis)).await)
    }

    pub(super) async fn process(center: &AuthCenter, redis: &str) -> Self {
        let mut command = Command::from(test_process(module_path!(), "child_is_a_replica"));
        command.envs(settings(center)).env(URL, redis).kill_on_drop(true);
        // It ends when the other end of its input is closed, however this process ends.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = line_with(&mut lines, "listening on ").await;
        let address = line.split_once("listening on ").unwrap().1.parse().unwrap();
        Self::Process { process: Box::new(process), address, _output: lines }
    }

    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Process { address, .. } => *address,
            Self::Here(app) => app.address,
        }
    }

    /// Sends a signal to its process, if it has one of its own.
    pub(super) fn signal(&self, signal: &str) {
        if let Self::Process { process, .. } = self {
            crate::support::signal(process, signal);
        }
    }
}

#[tokio::test]
async fn child_is_a_replica() {
    let Ok(redis) = std::env::var(URL) else { return };
    let [app_id, secret, url] =
        ["APP_ID", "APP_SECRET", "BASE_URL"].map(|name| std::env::var(format!("AIGC_AUTH_{name}")).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = service(&app_id, &secret, &url, &redis);
    println!("listening on {}", listener.local_addr().unwrap());
    std::thread::spawn(|| {
        // Ends when the parent does, however that ends.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    axum::serve(listener, service.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
}
