//! What one Redis spends on a fleet, measured: `cargo bench -p aigc-auth-benches --bench scale -- redis`.
//!
//! The subscribers are connections of this process, which only count. So Redis has at most the other half of a machine with two
//! processors: its processor time is what to go by, not how long it took.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

/// What the payload of a message starts with, and nothing else has.
const MARK: u8 = b'#';
const MESSAGE: usize = 150;

/// A Redis on a socket in a directory of its own, both of which end with it.
struct Server {
    directory: PathBuf,
    process: Child,
}

impl Server {
    fn start() -> io::Result<Self> {
        let directory = std::env::temp_dir().join(format!("aigc-auth-scale-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let process = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket", "s", "--save", "", "--appendonly", "no"])
            .args(["--maxclients", "20000", "--loglevel", "warning"])
            .current_dir(&directory)
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { directory, process })
    }

    async fn connect(&self) -> UnixStream {
        let started = Instant::now();
        loop {
            match UnixStream::connect(self.directory.join("s")).await {
                Ok(stream) => return stream,
                Err(error) => assert!(started.elapsed() < Duration::from_secs(10), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Sends commands, a line each, and reads until that many lines of answers, or bytes of bulk, are there.
async fn ask(stream: &mut UnixStream, commands: &str, is_done: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    stream.write_all(commands.as_bytes()).await.expect("Redis reads");
    let (mut answer, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    while !is_done(&answer) {
        let len = stream.read(&mut chunk).await.expect("Redis answers");
        assert!(len > 0, "Redis hung up: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..len]);
    }
    answer
}

/// The processor's time that Redis has spent so far.
async fn spent(stream: &mut UnixStream) -> Duration {
    let info = ask(stream, "INFO cpu\r\n", |answer| answer.ends_with(b"\r\n\r\n")).await;
    let seconds = |name: &str| -> f64 {
        let info = std::str::from_utf8(&info).expect("text");
        let value = info.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        value.parse().expect("seconds")
    };
    Duration::from_secs_f64(seconds("used_cpu_sys:") + seconds("used_cpu_user:"))
}

async fn fan_out(server: &Server, subscribers: usize, messages: usize) {
    let received = Arc::<AtomicUsize>::default();
    let mut reading = JoinSet::new();
    for _ in 0..subscribers {
        let mut stream = server.connect().await;
        ask(&mut stream, "SUBSCRIBE inv\r\n", |answer| answer.ends_with(b":1\r\n")).await;
        let received = received.clone();
        reading.spawn(async move {
            let mut chunk = vec![0; 16 * 1024];
            while let Ok(len @ 1..) = stream.read(&mut chunk).await {
                let count = chunk[..len].iter().filter(|byte| **byte == MARK).count();
                received.fetch_add(count, Ordering::AcqRel);
            }
        });
    }
    let mut publisher = server.connect().await;
    let payload: String = std::iter::once(MARK as char).chain("x".repeat(MESSAGE - 1).chars()).collect();
    let publish = format!("PUBLISH inv {payload}\r\n");
    let lines =
        |count: usize| move |answer: &[u8]| answer.iter().filter(|byte| **byte == b'\n').count() == count;
    let mut expected = 0;
    let mut until_received = async |more: usize| {
        expected += more * subscribers;
        while received.load(Ordering::Acquire) < expected {
            tokio::task::yield_now().await;
        }
    };
    let before = spent(&mut publisher).await;
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..messages {
        let started = Instant::now();
        ask(&mut publisher, &publish, lines(1)).await;
        until_received(1).await;
        took.push(started.elapsed());
    }
    took.sort();
    let alone = (spent(&mut publisher).await - before) / messages as u32;
    let before = spent(&mut publisher).await;
    let started = Instant::now();
    ask(&mut publisher, &publish.repeat(messages), lines(messages)).await;
    until_received(messages).await;
    let burst = started.elapsed();
    let together = (spent(&mut publisher).await - before) / messages as u32;
    println!(
        "{subscribers:>6} subscribers: a message known to all after {:.1?} (median; 99 %: {:.1?}); processor time of Redis {alone:.1?} \
         one at a time, {together:.1?} in a burst of {messages}, which took {burst:.1?}",
        took[took.len() / 2],
        took[took.len() * 99 / 100],
    );
}

/// What one of these commands costs Redis, and how many bytes its answer has: one at a time, as from many connections, and in
/// pipelines of 64.
async fn command(server: &Server, what: &str, command: &str, ends: &[u8]) {
    const COUNT: u32 = 12_800;
    let mut stream = server.connect().await;
    let one = ask(&mut stream, command, |answer| answer.ends_with(ends)).await.len();
    let mut cost = async |batch: u32| {
        let commands = command.repeat(batch as usize);
        let before = spent(&mut stream).await;
        for _ in 0..COUNT / batch {
            let least = (batch as usize - 1) * one;
            ask(&mut stream, &commands, |answer| answer.ends_with(ends) && answer.len() > least).await;
        }
        (spent(&mut stream).await - before) / COUNT
    };
    let (alone, piped) = (cost(1).await, cost(64).await);
    println!(
        "{what:<16} {:>4} bytes there, {one:>5} back; processor time of Redis {alone:>9.2?} one at a time, {piped:>9.2?} in pipelines",
        command.len(),
    );
}

/// What a look into the shared cache costs Redis when this many connections ask at a time: two GETs and TIME.
async fn many_readers(server: &Server, readers: usize) {
    const EACH: usize = 30;
    let mut reading = JoinSet::new();
    let mut own = server.connect().await;
    let before = spent(&mut own).await;
    let started = Instant::now();
    for _ in 0..readers {
        let mut stream = server.connect().await;
        reading.spawn(async move {
            for _ in 0..EACH {
                let look = "GET p\r\nGET k\r\nTIME\r\n";
                ask(&mut stream, look, |answer| answer.iter().filter(|byte| **byte == b'\n').count() == 8)
                    .await;
            }
        });
    }
    while reading.join_next().await.is_some() {}
    let count = (EACH * readers) as u32;
    let spent = (spent(&mut own).await - before) / count;
    println!(
        "a look by {readers} connections at a time: processor time of Redis {spent:.2?}, {:.2?} in all",
        started.elapsed() / count
    );
}

pub(crate) async fn measure() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(error) => return println!("cannot start `redis-server`: {error}"),
    };
    let mut stream = server.connect().await;
    for subscribers in [1, 10, 100, 1_000] {
        fan_out(&server, subscribers, 500).await;
    }
    // As an epoch, whose numbers have four digits here: every answer is as long.
    let value = "v".repeat(700);
    ask(&mut stream, &format!("SET k {value}\r\nXADD inv 1000000000000-1000 m 1\r\n"), |answer| {
        answer.ends_with(b"-1000\r\n")
    })
    .await;
    command(&server, "GET of 700 bytes", "GET k\r\n", b"v\r\n").await;
    many_readers(&server, 1_000).await;
    command(&server, "SET PX", &format!("SET k {value} PX 300000\r\n"), b"OK\r\n").await;
    command(&server, "SET NX PX", "SET k x NX PX 2000\r\n", b"$-1\r\n").await;
    command(&server, "PING", "PING\r\n", b"PONG\r\n").await;
    command(&server, "INFO server", "INFO server\r\n", b"\r\n\r\n").await;
    command(&server, "XINFO STREAM", "XINFO STREAM inv\r\n", b"1\r\n").await;
    let message = "m".repeat(MESSAGE);
    command(&server, "XADD", &format!("XADD inv MAXLEN ~ 10000 1000000000000-* m {message}\r\n"), b"\r\n")
        .await;
}
