//! 200,000 requests a second that leave records, on two threads, before an auth center that takes them, and one that does
//! not: `cargo bench -p aigc-auth-benches --bench stats`.
//!
//! Requests, reporter and center share the process and its cores. What is asked is whether a request ever waits for its
//! record, and how much memory the records take. Then valgrind counts what a record takes: to be made by its request, and to be
//! built, encoded and sent to a center in another process.

#[path = "support/queue.rs"]
mod queue;
#[path = "support/request.rs"]
mod request;
#[path = "support/valgrind.rs"]
mod valgrind;

#[path = "support/resident.rs"]
mod resident;

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aigc_auth::stats::StatsCollector;
use aigc_auth::{AuthClient, AuthLayer, UserInfo};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use queue::Queue;
use request::{headers, sends};
use resident::resident;
use tower::{Layer, Service};
use valgrind::Counted;

const PER_SECOND: u32 = 200_000;
const THREADS: u32 = 2;

/// The least that a service can be.
#[derive(Clone)]
struct Ok200;

impl Service<Request> for Ok200 {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}

/// Offers its part of the requests for so long; returns how long each took, in nanoseconds, sorted.
fn offer(auth: &AuthLayer, duration: Duration) -> Vec<u64> {
    let mut service = auth.layer(Ok200);
    let started = Instant::now();
    let mut took = Vec::new();
    while started.elapsed() < duration {
        // As many as are due by now: what a pause of this thread has delayed comes all at once.
        let due = started.elapsed().as_secs_f64() * f64::from(PER_SECOND / THREADS);
        while (took.len() as f64) < due {
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = "/chat?model=m".parse().expect("a path");
            let token = HeaderValue::from_static(TOKENS[took.len() % TOKENS.len()]);
            request.headers_mut().insert(header::AUTHORIZATION, token);
            let asked = Instant::now();
            let mut future = std::pin::pin!(service.call(request));
            let answered = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            took.push(asked.elapsed().as_nanos() as u64);
            assert!(matches!(answered, Poll::Ready(Ok(response)) if response.status() == 200));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    took.sort_unstable();
    took
}

const TOKENS: [&str; 8] = [
    "Bearer token-0",
    "Bearer token-1",
    "Bearer token-2",
    "Bearer token-3",
    "Bearer token-4",
    "Bearer token-5",
    "Bearer token-6",
    "Bearer token-7",
];

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

async fn center(status: StatusCode) -> String {
    let answer =
        move |_: axum::body::Bytes| async move { (status, r#"{"code": 0, "message": "", "data": {}}"#) };
    let app = Router::new().route("/sdk/stats/report/batch", post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

async fn run(name: &str, status: Option<StatusCode>, duration: Duration) {
    let url = center(status.unwrap_or(StatusCode::OK)).await;
    let client = AuthClient::builder("app", "secret", url).build().expect("a client");
    for (n, token) in TOKENS.iter().enumerate() {
        let user = UserInfo::builder(n as i64, format!("user-{n}")).build();
        client.cache_user(token.trim_start_matches("Bearer "), user);
    }
    let mut auth = AuthLayer::new(client.clone());
    let stats = status.map(|_| StatsCollector::start(&client));
    if let Some(stats) = &stats {
        auth = auth.with_stats(stats.clone());
    }
    let before = mib(resident());
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let auth = auth.clone();
            tokio::task::spawn_blocking(move || offer(&auth, duration))
        })
        .collect();
    let (mut took, mut most) = (Vec::new(), before);
    for thread in threads {
        while !thread.is_finished() {
            tokio::time::sleep(Duration::from_millis(10)).await;
            most = most.max(mib(resident()));
        }
        took.extend(thread.await.expect("no panic"));
    }
    took.sort_unstable();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize] as f64 / 1_000.0;
    let rate = took.len() as f64 / duration.as_secs_f64() / 1_000.0;
    println!(
        "{name:<28} {rate:>7.0} k/s  median {:>6.2} µs  p99 {:>7.2} µs  p99.9 {:>8.2} µs  memory {:>+6.1} MiB",
        at(0.5),
        at(0.99),
        at(0.999),
        most - before,
    );
    if let Some(stats) = stats {
        let counts = stats.shutdown(Duration::from_secs(5)).await;
        println!("{:<28} {counts:?}", "");
        assert_eq!(counts.recorded, took.len() as u64);
        assert_eq!(counts.delivered + counts.dropped, counts.recorded);
    }
}

const REQUEST: &str = "request";
const RECORDED: &str = "recorded";
const SENT: &str = "sent";

/// The environment variable that makes this process an auth center, until its standard input ends.
const CENTER: &str = "BENCH_CENTER";

/// An auth center in a process of its own, of which valgrind counts nothing.
struct Center {
    child: Child,
    url: String,
}

impl Center {
    fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let command = &mut Command::new(program);
        let child = command.env(CENTER, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("a center");
        let mut url = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut url).expect("where it listens");
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends warm requests of one user, and sees to it that what they record is delivered.
async fn requests(name: &str, count: u32) {
    let center = Center::start();
    let client = AuthClient::builder("app", "secret", &center.url).build().expect("a client");
    let token = format!("{}.{}.{}", "h".repeat(36), "p".repeat(310), "s".repeat(43));
    client.cache_user(&token, UserInfo::builder(7, "alice").build());
    let router = Router::new().route("/me", get(|| async { "ok" }));
    let auth = AuthLayer::new(client.clone());
    let stats = (name == SENT).then(|| StatsCollector::start(&client));
    let auth = match (name, &stats) {
        (RECORDED, _) => auth.with_stats(Queue::new()),
        (_, Some(stats)) => auth.with_stats(stats.clone()),
        _ => auth,
    };
    let mut send = sends::<_, Body, _>(auth.layer(router), headers(Some(&token)), 200);
    for n in 0..count {
        send();
        // No faster than they are sent.
        while n % 100 == 99 && stats.as_ref().is_some_and(|stats| stats.snapshot().pending > 1_000) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    if let Some(stats) = stats {
        let counts = stats.shutdown(Duration::from_secs(60)).await;
        assert_eq!(counts.delivered, u64::from(count), "{counts:?}");
    }
}

/// Prints what valgrind counts of a record.
fn count_records() {
    let program = std::env::current_exe().expect("this program");
    let counted =
        Counted { valgrind: &["valgrind"], program: &program, arguments: &[], times: [2_000, 12_000] };
    let of = |name| Some([counted.instructions(name)?, counted.allocations(name)?]);
    let (Some(request), Some(recorded), Some(sent)) = (of(REQUEST), of(RECORDED), of(SENT)) else {
        return println!("valgrind is not installed: nothing is counted");
    };
    for (name, [instructions, allocations], [without, fewer]) in
        [("a record, made by its request", recorded, request), ("… built, encoded and sent", sent, recorded)]
    {
        let (instructions, allocations) = (instructions - without, allocations - fewer);
        println!("{name:<32} {instructions:>7.0} instructions {allocations:>6.1} allocations");
    }
}

fn main() {
    if std::env::var_os(CENTER).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(async {
            println!("{}", center(StatusCode::OK).await);
            std::future::pending::<()>().await;
        });
    }
    if let Some((name, count)) = valgrind::ordered() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(requests(&name, count));
    }
    // `cargo test` only wants to know that it works.
    let long = std::env::args().any(|argument| argument == "--bench");
    let duration = Duration::from_millis(if long { 5_000 } else { 50 });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        run("without records", None, duration).await;
        run("records, taken", Some(StatusCode::OK), duration).await;
        run("records, center answers 503", Some(StatusCode::SERVICE_UNAVAILABLE), duration).await;
    });
    if long {
        return count_records();
    }
    for name in [REQUEST, RECORDED, SENT] {
        runtime.block_on(requests(name, 300));
    }
}
