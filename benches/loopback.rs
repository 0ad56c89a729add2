//! What the layer costs a server's thread for each request over loopback HTTP/1.1 with keep-alive:
//! `cargo bench -p aigc-auth-benches --bench loopback`. Linux only: the processor's time of a thread is read from `/proc`.

#[path = "support/account.rs"]
mod account;
#[path = "support/connections.rs"]
mod connections;

use std::net::SocketAddr;
use std::sync::mpsc;

use account::{account, spent};
use aigc_auth::{AuthClient, AuthLayer, testing};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use connections::{CONNECTIONS, Connections};
use tower_http::validate_request::ValidateRequestHeaderLayer;

const ROUNDS: usize = 61;
const PER_ROUND: usize = 200;

/// Serves all apps on one thread, so that they are measured on the same core; tells where the kernel keeps account of it.
fn serve(apps: Vec<Router>) -> (Vec<SocketAddr>, String) {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let mut addresses = Vec::new();
            for app in apps {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                addresses.push(listener.local_addr().expect("bound"));
                let service = app.into_make_service_with_connect_info::<SocketAddr>();
                tokio::spawn(async move { axum::serve(listener, service).await });
            }
            sender.send((addresses, account())).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().expect("the server starts")
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[allow(deprecated)] // As in the bench `layer`: the least that a check can cost.
fn main() {
    let token = format!("{}.{}.{}", "h".repeat(36), "p".repeat(310), "s".repeat(43));
    let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().expect("a client");
    client.cache_user(&token, testing::user("alice").roles(["editor"]).permissions(["report:read"]));
    let router = || Router::new().route("/me", get(|| async { "ok" }));
    let apps = [
        ("bare router", router()),
        ("from_fn doing nothing", router().layer(from_fn(pass))),
        ("tower-http fixed token", router().layer(ValidateRequestHeaderLayer::bearer(&token))),
        ("AuthLayer warm", router().layer(AuthLayer::new(client))),
    ];
    let (addresses, account) = serve(apps.iter().map(|(_, app)| app.clone()).collect());
    let credential = format!("Authorization: Bearer {token}");
    let mut servers: Vec<Connections> =
        addresses.into_iter().map(|address| Connections::new(address, &credential)).collect();
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test` only wants to know that it works.
        return servers.iter_mut().for_each(|server| server.run(1));
    }
    let mut rounds = vec![Vec::with_capacity(ROUNDS); servers.len()];
    for round in 0..ROUNDS + 3 {
        for (server, rounds) in servers.iter_mut().zip(&mut rounds) {
            let before = spent(&account);
            server.run(PER_ROUND);
            // The first rounds warm up.
            if round >= 3 {
                rounds.push((spent(&account) - before) / (PER_ROUND * CONNECTIONS) as f64);
            }
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let medians: Vec<f64> = rounds.into_iter().map(median).collect();
    println!("{:<26} {:>14} {:>8}", "", "CPU ns/request", "ratio");
    for ((name, _), median) in apps.iter().zip(&medians) {
        println!("{name:<26} {median:>14.0} {:>8.3}", median / medians[0]);
    }
}
