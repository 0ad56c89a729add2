//! An auth center that decides its answer when a request arrives, and sends it when the test releases it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// The valid credentials. All but the last are alice's.
pub(super) const CREDENTIALS: [&str; 4] = ["alice-laptop", "alice-phone", "ak_alice", "bob-token"];
pub(super) const BOBS: usize = CREDENTIALS.len() - 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Active,
    Disabled,
    Deleted,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The user, in this version.
    User(usize),
    Refusal,
    /// Nothing: the center is failing.
    Nothing,
}

/// An answer that is ready and waits for its release.
pub(super) struct Held {
    /// Which of [`CREDENTIALS`].
    pub(super) credential: usize,
    pub(super) said: Said,
    /// Alice's version when it was decided.
    pub(super) version: usize,
    /// How many events had been delivered when it was decided.
    pub(super) events: usize,
    release: oneshot::Sender<()>,
}

pub(super) struct State {
    /// How alice stood in each version; the last is the current one.
    pub(super) alice: Vec<Standing>,
    /// Whether her id is a string.
    pub(super) textual_id: bool,
    pub(super) failing: bool,
    /// How many events the test has delivered.
    pub(super) events: usize,
    pub(super) arrivals: usize,
    pub(super) held: Vec<Held>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            alice: vec![Standing::Active],
            textual_id: false,
            failing: false,
            events: 0,
            arrivals: 0,
            held: vec![],
        }
    }

    pub(super) fn version(&self) -> usize {
        self.alice.len() - 1
    }

    fn decide(&self, credential: Option<usize>) -> (Said, Value) {
        let refusal = |code: u16| (Said::Refusal, json!({"code": code, "message": "no", "data": null}));
        let user = |credential: usize, id: Value, name: &str, version: usize| {
            let nickname = format!("v{version}");
            let data = if CREDENTIALS[credential].starts_with("ak_") {
                json!({"valid": true, "keyType": "user", "userId": id, "username": name, "nickname": nickname})
            } else {
                json!({"id": id, "username": name, "nickname": nickname, "permissions": ["report:read"]})
            };
            (Said::User(version), json!({"code": 0, "message": "success", "data": data}))
        };
        let Some(credential) = credential else { return refusal(401) };
        match self.alice[self.version()] {
            _ if self.failing => (Said::Nothing, Value::Null),
            _ if credential == BOBS => user(credential, json!(8), "bob", 0),
            Standing::Active => {
                let id = if self.textual_id { json!("7") } else { json!(7) };
                user(credential, id, "alice", self.version())
            }
            Standing::Disabled => refusal(403),
            Standing::Deleted if CREDENTIALS[credential].starts_with("ak_") => {
                (Said::Refusal, json!({"code": 0, "message": "success", "data": {"valid": false}}))
            }
            Standing::Deleted => refusal(404),
        }
    }
}

impl Held {
    /// Sends it on its way.
    pub(super) fn release(self) {
        self.release.send(()).expect("the client still waits");
    }
}

pub(super) struct Center {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

impl Center {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::new()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(BufReader::new(stream), shared.clone()));
            }
        });
        Self { address, state, task: task.abort_handle() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads and answers one request after the other, until the client hangs up. A server of HTTP would take longer than all
/// that is tested.
async fn serve(mut stream: BufReader<TcpStream>, state: Arc<Mutex<State>>) -> io::Result<()> {
    let mut head = String::new();
    while stream.read_line(&mut head).await? > 0 {
        if !head.ends_with("\r\n\r\n") {
            continue;
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        stream.read_exact(&mut body).await?;
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = match head.split(' ').nth(1).unwrap() {
            "/sdk/user/info" => &body["token"],
            "/sdk/access-key/verify" => &body["accessKey"],
            path => panic!("{path} is not for this test"),
        };
        head.clear();
        let credential = CREDENTIALS.iter().position(|known| text == known);
        let (release, released) = oneshot::channel();
        let (said, json) = {
            let mut state = state.lock().unwrap();
            let (said, json) = state.decide(credential);
            let (version, events) = (state.version(), state.events);
            let credential = credential.unwrap_or(usize::MAX);
            state.arrivals += 1;
            state.held.push(Held { credential, said, version, events, release });
            (said, json.to_string())
        };
        let _ = released.await;
        let status = if said == Said::Nothing { "500 Internal Server Error" } else { "200 OK" };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{json}", json.len());
        stream.get_mut().write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
