//! What the layer costs a server's thread for each request over loopback HTTP/1.1 with keep-alive:
//! `cargo bench --bench loopback`. Linux only: the processor's time of a thread is read from `/proc`.

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
const ROUNDS: usize = 31;
const PER_ROUND: usize = 200;

struct Server {
    name: &'static str,
    /// Where the kernel keeps account of the server's thread.
    account: String,
    connections: Vec<TcpStream>,
    request: Vec<u8>,
    answer_len: usize,
}

impl Server {
    fn start(name: &'static str, app: Router, token: &str) -> Self {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let thread = std::fs::read_link("/proc/thread-self").expect("Linux");
                sender.send((listener.local_addr().expect("bound"), thread)).expect("somebody waits");
                let service = app.into_make_service_with_connect_info::<SocketAddr>();
                axum::serve(listener, service).await.expect("serves for ever");
            });
        });
        let (address, thread) = receiver.recv().expect("the server starts");
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
            account: format!("/proc/{}/schedstat", thread.display()),
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

    /// Nanoseconds that the server's thread has run.
    fn spent(&self) -> f64 {
        let account = std::fs::read_to_string(&self.account).expect("the thread runs");
        account.split(' ').next().and_then(|spent| spent.parse().ok()).expect("a number")
    }
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[allow(deprecated)] // As in the bench `layer`: the least that a check can cost.
fn main() {
    let token = format!("{}.{}.{}", "h".repeat(36), "p".repeat(310), "s".repeat(43));
    let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().expect("a client");
    client.remember(&token, testing::user("alice").roles(["editor"]).permissions(["report:read"]));
    let router = || Router::new().route("/me", get(|| async { "ok" }));
    let apps = [
        ("bare router", router()),
        ("from_fn doing nothing", router().layer(from_fn(pass))),
        ("tower-http fixed token", router().layer(ValidateRequestHeaderLayer::bearer(&token))),
        ("AuthLayer warm", router().layer(AuthLayer::new(client))),
    ];
    let mut servers = apps.map(|(name, app)| Server::start(name, app, &token));
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test` only wants to know that it works.
        return servers.iter_mut().for_each(|server| server.run(1));
    }
    let mut rounds = servers.each_ref().map(|_| Vec::with_capacity(ROUNDS));
    for round in 0..ROUNDS + 3 {
        for (server, rounds) in servers.iter_mut().zip(&mut rounds) {
            let before = server.spent();
            server.run(PER_ROUND);
            // The first rounds warm up.
            if round >= 3 {
                rounds.push((server.spent() - before) / (PER_ROUND * CONNECTIONS) as f64);
            }
        }
    }
    let medians = rounds.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    println!("{:<26} {:>14} {:>8}", "", "CPU ns/request", "ratio");
    for (server, median) in servers.iter().zip(medians) {
        println!("{:<26} {median:>14.0} {:>8.3}", server.name, median / medians[0]);
    }
}
