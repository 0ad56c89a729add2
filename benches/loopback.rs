//! What the layer costs a server's thread for each request over loopback HTTP/1.1 with keep-alive:
//! `cargo bench -p aigc-auth-benches --bench loopback`. Linux only: the processor's time of a thread is read from `/proc`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

use aigc_auth::{AuthClient, AuthLayer, testing};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use tower_http::validate_request::ValidateRequestHeaderLayer;

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 61;
const PER_ROUND: usize = 200;

struct Server {
    name: &'static str,
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    answer_len: usize,
}

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
            let thread = std::fs::read_link("/proc/thread-self").expect("Linux");
            sender
                .send((addresses, format!("/proc/{}/schedstat", thread.display())))
                .expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().expect("the server starts")
}

/// Nanoseconds that the thread has run.
fn spent(account: &str) -> f64 {
    let account = std::fs::read_to_string(account).expect("the thread runs");
    account.split(' ').next().and_then(|spent| spent.parse().ok()).expect("a number")
}

impl Server {
    fn connect(name: &'static str, address: SocketAddr, token: &str) -> Self {
        let request = format!(
            "GET /me HTTP/1.1\r\nHost: {address}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
             Accept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        let connect = || {
            let connection = TcpStream::connect(address).expect("the server listens");
            connection.set_nodelay(true).expect("a socket");
            connection
        };
        let mut server = Self {
            name,
            connections: (0..CONNECTIONS).map(|_| connect()).collect(),
            request: request.into_bytes(),
            answer_len: 0,
        };
        server.learn_answer();
        server
    }

    /// All answers are alike, so that it is enough to count their bytes.
    fn learn_answer(&mut self) {
        let connection = &mut self.connections[0];
        connection.write_all(&self.request).expect("sent");
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while !answer.ends_with(b"\r\n\r\nok") {
            let read = connection.read(&mut buffer).expect("an answer");
            assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..read]);
        }
        self.answer_len = answer.len();
    }

    fn run(&mut self, times: usize) {
        let mut buffer = [0; 4096];
        for _ in 0..times {
            for connection in &mut self.connections {
                connection.write_all(&self.request).expect("sent");
            }
            for connection in &mut self.connections {
                let mut left = self.answer_len;
                while left > 0 {
                    left -= connection.read(&mut buffer[..left]).expect("an answer");
                }
            }
        }
    }
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
    let mut servers: Vec<Server> = apps
        .iter()
        .zip(addresses)
        .map(|((name, _), address)| Server::connect(name, address, &token))
        .collect();
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
    for (server, median) in servers.iter().zip(&medians) {
        println!("{:<26} {median:>14.0} {:>8.3}", server.name, median / medians[0]);
    }
}
