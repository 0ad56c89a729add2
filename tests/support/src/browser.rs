//! A headless Chromium, driven by its DevTools protocol.

use std::future::Future;
use std::process::Stdio;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::process::{Directory, PATIENCE};

/// A page in a browser of its own, which ends with it.
pub struct Page {
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    calls: u64,
    /// The latest `Tracing.tracingComplete`.
    traced: Option<Value>,
    process: Child,
    _profile: Directory,
}

impl Drop for Page {
    /// The browser is many processes: those that outlive the first would write into the profile while it is removed.
    fn drop(&mut self) {
        if let Some(group) = self.process.id() {
            let _ = std::process::Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status();
        }
    }
}

impl Page {
    /// Opens an empty page; `None` where no Chromium is installed. It reaches this machine alone.
    pub async fn open() -> Option<Self> {
        let profile = Directory::new("chromium");
        let mut command = Command::new("chromium");
        command.args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ]);
        command
            .args(["--remote-debugging-port=0", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]);
        command.arg(format!("--user-data-dir={}", profile.0.display())).arg("about:blank");
        command.env("HOME", &profile.0).env("TMPDIR", &profile.0);
        #[cfg(unix)]
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = match command.kill_on_drop(true).spawn() {
            Ok(process) => process,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => panic!("chromium does not start: {error}"),
        };
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let url = loop {
            let line = in_time(log.next_line()).await.unwrap().expect("chromium ended");
            if let Some(url) = line.strip_prefix("DevTools listening on ") {
                break url.trim().to_owned();
            }
        };
        // Who stops reading stops the writer.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        let address = url.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = in_time(TcpStream::connect(address)).await.unwrap();
        let (socket, _) = in_time(client_async(&url, stream)).await.unwrap();
        let mut page = Self { socket, session: None, calls: 0, traced: None, process, _profile: profile };
        let target = page.call("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        page.session =
            page.call("Target.attachToTarget", attach).await["sessionId"].as_str().map(str::to_owned);
        Some(page)
    }

    /// Goes to a URL. What the page loads is still to come.
    pub async fn go(&mut self, url: &str) {
        let gone = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(gone.get("errorText").is_none(), "{url}: {gone}");
    }

    /// Runs the body of an async function in the page, and returns what that returns.
    pub async fn run(&mut self, body: &str) -> Value {
        let expression = format!("(async () => {{ {body} }})()");
        let arguments = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let done = self.call("Runtime.evaluate", arguments).await;
        assert!(done.get("exceptionDetails").is_none(), "{body}: {}", done["exceptionDetails"]);
        done["result"]["value"].clone()
    }

    /// Calls a method of the protocol. Returns its result.
    pub async fn call(&mut self, method: &str, arguments: Value) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": arguments });
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        in_time(self.socket.send(Message::text(call.to_string()))).await.unwrap();
        loop {
            let message = in_time(self.socket.next()).await.expect("the browser is gone").unwrap();
            let Ok(text) = message.into_text() else { continue };
            let answer: Value = serde_json::from_str(&text).unwrap_or_default();
            if answer["id"] == self.calls {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            if answer["method"] == "Tracing.tracingComplete" {
                self.traced = Some(answer["params"].clone());
            }
        }
    }

    /// Begins to measure the tasks of the browser's threads.
    pub async fn begin_tasks(&mut self) {
        self.traced = None;
        let config = json!({ "includedCategories": ["toplevel"], "excludedCategories": ["*"] });
        let arguments = json!({ "traceConfig": config, "transferMode": "ReturnAsStream" });
        self.call("Tracing.start", arguments).await;
    }

    /// Returns how long the longest task of a page's main thread has run since, in milliseconds: the time that the thread had a
    /// processor, which is the page's own doing, and the time on the clock, which is that of other programs as well.
    pub async fn longest_task(&mut self) -> (f64, f64) {
        self.call("Tracing.end", json!({})).await;
        let stream = loop {
            if let Some(traced) = self.traced.take() {
                break traced["stream"].clone();
            }
            // The event comes between the answers.
            self.run("await new Promise((resolve) => setTimeout(resolve, 20));").await;
        };
        let mut text = String::new();
        loop {
            let part = self.call("IO.read", json!({ "handle": stream, "size": 4 << 20 })).await;
            assert_ne!(part["base64Encoded"], true);
            text += part["data"].as_str().unwrap();
            if part["eof"] == true {
                break;
            }
        }
        self.call("IO.close", json!({ "handle": stream })).await;
        longest_task(&serde_json::from_str(&text).unwrap())
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("chromium answers")
}

/// The format is that of `chrome://tracing`: durations in microseconds, `tdur` those of the thread.
fn longest_task(trace: &Value) -> (f64, f64) {
    let events = trace["traceEvents"].as_array().unwrap();
    let of_main_threads: Vec<_> = events
        .iter()
        .filter(|event| event["name"] == "thread_name" && event["args"]["name"] == "CrRendererMain")
        .map(|event| (&event["pid"], &event["tid"]))
        .collect();
    let tasks = events.iter().filter(|event| event["ph"] == "X" && event["tdur"].is_number());
    let tasks = tasks.filter(|event| of_main_threads.contains(&(&event["pid"], &event["tid"])));
    let times =
        tasks.map(|event| [&event["tdur"], &event["dur"]].map(|time| time.as_f64().unwrap() / 1_000.0));
    let longest =
        times.fold([0.0_f64; 2], |longest, times| [longest[0].max(times[0]), longest[1].max(times[1])]);
    assert!(longest[0] > 0.0, "a trace without tasks");
    (longest[0], longest[1])
}
