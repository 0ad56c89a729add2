//! A Redis of a test's own, on a socket in a directory of its own, and a path to it that goes mute.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use redis::FromRedisValue;
use test_support::process::Directory;
use test_support::redis::{skipped, spawn, url};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::process::Child;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::{tls, until_async};

/// A Redis that ends when this is dropped.
pub(crate) struct RedisServer {
    directory: Directory,
    more: Vec<String>,
    process: Child,
}

impl RedisServer {
    /// Starts a Redis with these options; `None`, with a note, where it is not installed.
    pub(crate) async fn start(more: &[&str]) -> Option<Self> {
        let directory = Directory::new("redis");
        let more: Vec<_> = more.iter().map(|&option| option.to_owned()).collect();
        let process = match spawn(&directory, &more) {
            Ok(process) => process,
            Err(error) => {
                skipped(&error);
                return None;
            }
        };
        let server = Self { directory, more, process };
        server.answers().await;
        Some(server)
    }

    fn socket(&self) -> PathBuf {
        self.directory.0.join("s")
    }

    pub(crate) fn url(&self) -> String {
        url(&self.directory)
    }

    pub(crate) fn url_of(&self, user: &str, password: &str) -> String {
        format!("{}?user={user}&pass={password}", self.url())
    }

    async fn answers(&self) {
        until_async("redis-server answers", async || {
            let Ok(client) = redis::Client::open(self.url()) else { return false };
            let Ok(mut redis) = client.get_multiplexed_async_connection().await else { return false };
            // One that wants a password answers as well.
            let answer: redis::RedisResult<String> = redis::cmd("PING").query_async(&mut redis).await;
            answer.is_ok_and(|answer| answer == "PONG")
        })
        .await;
    }

    /// Runs a command, such as `SET a 1`, past all paths.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let mut call = redis::cmd(command[0]);
        call.arg(&command[1..]);
        call.query_async(&mut redis).await.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// How often these commands were called.
    pub(crate) async fn calls(&self, commands: &[&str]) -> usize {
        let stats: String = self.run(&["INFO", "commandstats"]).await;
        let calls = |line: &str| -> Option<usize> {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            commands.contains(&name).then(|| rest.split(',').next()?.parse().ok())?
        };
        stats.lines().filter_map(calls).sum()
    }

    pub(crate) fn signal(&self, signal: &str) {
        crate::support::signal(&self.process, signal);
    }

    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it anew after a [kill](Self::kill), without its data.
    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(&self.directory, &self.more).unwrap();
        self.answers().await;
    }
}

/// A path to a Redis on which connections without pushes, those for calls, get no answer until `gate` lets them.
pub(crate) async fn path_without_calls(server: &RedisServer, gate: Arc<Semaphore>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let socket = server.socket();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (socket, gate) = (socket.clone(), gate.clone());
            tokio::spawn(async move {
                let mut first = vec![0; 4096];
                let Ok(len @ 1..) = client.read(&mut first).await else { return };
                // Only the third version of the protocol has pushes, and it begins with a `HELLO`.
                let has_pushes = first[..len].windows(5).any(|word| word.eq_ignore_ascii_case(b"HELLO"));
                if !has_pushes {
                    gate.acquire().await.unwrap().forget();
                }
                let mut server = UnixStream::connect(socket).await.unwrap();
                if server.write_all(&first[..len]).await.is_ok() {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    url
}

/// A path to a server, on a port.
pub(crate) struct Path {
    address: SocketAddr,
    /// Whether nothing arrives any more, in either direction, on any connection; or how many connections were cut.
    state: watch::Sender<State>,
    dials: Arc<AtomicUsize>,
    task: AbortHandle,
}

#[derive(Clone)]
enum Target {
    Socket(PathBuf),
    Port(SocketAddr),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Target {
    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Socket(socket) => Box::new(UnixStream::connect(socket).await?),
            Self::Port(address) => Box::new(TcpStream::connect(address).await?),
        })
    }
}

#[derive(Clone, Copy, Default)]
struct State {
    is_mute: bool,
    /// The same for connections that listen, alone.
    is_deaf: bool,
    cuts: usize,
}

impl Path {
    pub(crate) async fn to(server: &RedisServer) -> Self {
        Self::start(Target::Socket(server.socket()), None).await
    }

    /// To any server.
    pub(crate) async fn to_port(server: SocketAddr) -> Self {
        Self::start(Target::Port(server), None).await
    }

    /// Over TLS, with the certificate for `localhost` of these tests.
    pub(crate) async fn over_tls_to(server: &RedisServer) -> Self {
        Self::start(Target::Socket(server.socket()), Some(tls::acceptor())).await
    }

    async fn start(target: Target, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, seen) = watch::channel(State::default());
        let dials = Arc::<AtomicUsize>::default();
        let dialled = dials.clone();
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                dialled.fetch_add(1, Ordering::SeqCst);
                // As Redis does: a push that follows another must not wait for its acknowledgement, up to 40 ms.
                client.set_nodelay(true).unwrap();
                let (target, seen, tls) = (target.clone(), seen.clone(), tls.clone());
                tokio::spawn(async move {
                    // While it is down, the connection ends as it would there.
                    let Ok(server) = target.connect().await else { return };
                    match tls {
                        None => bridge(client, server, seen).await,
                        // A client that does not trust the certificate ends it.
                        Some(tls) => {
                            if let Ok(client) = tls.accept(client).await {
                                bridge(client, server, seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, state, dials, task: task.abort_handle() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("rediss://localhost:{}", self.address.port())
    }

    /// How many connections there have been: who was connected before and is now, with none in between, was so all the time.
    pub(crate) fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }

    pub(crate) fn set_mute(&self, is_mute: bool) {
        self.state.send_modify(|state| state.is_mute = is_mute);
    }

    pub(crate) fn set_deaf(&self, is_deaf: bool) {
        self.state.send_modify(|state| state.is_deaf = is_deaf);
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn bridge(
    client: impl AsyncRead + AsyncWrite + Unpin,
    server: Box<dyn Stream>,
    mut state: watch::Receiver<State>,
) {
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let cuts = state.borrow().cuts;
    let listens = AtomicBool::new(false);
    tokio::select! {
        () = relay(from_client, to_server, state.clone(), &listens) => {}
        () = relay(from_server, to_client, state.clone(), &listens) => {}
        _ = state.wait_for(|state| state.cuts > cuts) => {}
    }
}

async fn relay(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut state: watch::Receiver<State>,
    listens: &AtomicBool,
) {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let Ok(len @ 1..) = from.read(&mut chunk).await else { return };
        if chunk[..len].windows(9).any(|word| word == b"SUBSCRIBE") {
            listens.store(true, Ordering::Relaxed);
        }
        let passes = |state: &State| !(state.is_mute || state.is_deaf && listens.load(Ordering::Relaxed));
        if state.wait_for(passes).await.is_err() {
            return;
        }
        if copy(&mut &chunk[..len], &mut to).await.is_err() {
            return;
        }
    }
}

/// Longer than a machine that is busy with other things takes for what is done at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
