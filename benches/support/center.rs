//! An auth center in a process of its own, so that none of its work is on the account of its clients: as lean as it can be, on
//! one thread.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};

/// The environment variable that makes this program a center: milliseconds of delay, and the number of a user's permissions.
const CENTER: &str = "BENCH_CENTER";

/// A center that runs until this is dropped.
pub(crate) struct Center {
    child: Child,
    /// A line is answered by a line. The center ends when this does, also with a process that was killed.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub(crate) url: String,
}

/// What has arrived at a center.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) calls: u64,
    pub(crate) connections: u64,
}

impl Center {
    pub(crate) fn start(delay: Duration, permissions: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .env(CENTER, format!("{} {permissions}", delay.as_millis()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let (questions, answers) = (child.stdin.take(), child.stdout.take().expect("piped"));
        let mut center = Self { child, questions, answers: BufReader::new(answers), url: String::new() };
        center.url = center.line();
        center
    }

    /// What has arrived since the start.
    pub(crate) fn arrived(&mut self) -> Arrived {
        writeln!(self.questions.as_mut().expect("open"), "?").expect("the center runs");
        let line = self.line();
        let (calls, connections) = line.split_once(' ').expect("two numbers");
        let number = |text: &str| text.parse().expect("a number");
        Arrived { calls: number(calls), connections: number(connections) }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the center runs");
        line.trim().to_owned()
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}

/// A token of the length of a usual JWT, which shows its expiry, and whose last digits are the id of its user.
pub(crate) fn token(id: u64) -> String {
    // {"sub":"3f6c1c1e-…","aud":"authenticated","exp":4102444800,…}
    let payload = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        r#"{"sub":"3f6c1c1e-6a5b-4c1f-9a55-0d1d2c3b4a59","aud":"authenticated","iat":1700000000,"exp":4102444800,"email":"alice@example.com","role":"editor","app_metadata":{"provider":"email","permissions":["report:read","article:write"]}}"#,
    );
    format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{payload}.{}{id:08}", "s".repeat(35))
}

/// Is the center, if this process was started as one.
pub(crate) fn serve_if_told() -> bool {
    let Ok(told) = std::env::var(CENTER) else { return false };
    let (delay, permissions) = told.split_once(' ').expect("two numbers");
    let delay = Duration::from_millis(delay.parse().expect("a number"));
    let permissions: Vec<String> =
        (0..permissions.parse().expect("a number")).map(|n: u32| format!("\"permission:{n}\"")).collect();
    let shared = Arc::new(Shared {
        delay,
        rest: format!(
            r#","email":"alice@example.com","phone":"13800000000","avatar":"https://cdn.example.com/avatars/alice.png","roles":["editor"],"permissions":[{}],"department":"Research","company":"Example Ltd","isAdmin":false,"status":"active"}}}}"#,
            permissions.join(",")
        ),
        calls: AtomicU64::new(0),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(serve(shared));
    true
}

struct Shared {
    delay: Duration,
    /// The end of each answer.
    rest: String,
    calls: AtomicU64,
}

async fn serve(shared: Arc<Shared>) {
    let connections = Arc::new(AtomicU64::new(0));
    let listener = tokio::net::TcpSocket::new_v4().expect("a socket");
    listener.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    // As many as connect at once: a full backlog makes the kernel wait for a second.
    let listener = listener.listen(4_096).expect("listening");
    println!("http://{}", listener.local_addr().expect("bound"));
    let accepted = connections.clone();
    let listener = listener.tap_io(move |stream| {
        accepted.fetch_add(1, Ordering::Relaxed);
        stream.set_nodelay(true).expect("a socket");
    });
    let app = Router::new().route("/sdk/user/info", post(user)).with_state(shared.clone());
    std::thread::spawn(move || {
        for _ in std::io::stdin().lines().map_while(Result::ok) {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            println!("{} {}", count(&shared.calls), count(&connections));
        }
        std::process::exit(0);
    });
    axum::serve(listener, app).await.expect("serving");
}

async fn user(State(shared): State<Arc<Shared>>, body: Bytes) -> ([(HeaderName, &'static str); 1], String) {
    shared.calls.fetch_add(1, Ordering::Relaxed);
    if !shared.delay.is_zero() {
        tokio::time::sleep(shared.delay).await;
    }
    let digits = body.strip_suffix(b"\"}").and_then(|body| body.last_chunk::<8>()).expect("a token");
    let id: u64 =
        std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).expect("its number");
    let rest = &shared.rest;
    let user = format!(
        r#"{{"code":0,"message":"success","data":{{"id":{id},"username":"user{id:08}","nickname":"User number {id}"{rest}"#
    );
    ([(CONTENT_TYPE, "application/json")], user)
}
