//! The example as its page uses it, without a browser: `tests/lab/run.sh browser` takes one.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use test_support::http::{self, request};
use test_support::process::Program;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BROWSER: Program = Program(env!("CARGO_BIN_EXE_browser"));

const SESSION: (&str, &str) = ("cookie", "__Host-session=alice-token");
const STREAM: (&str, &str) = ("accept", "text/event-stream");
const SOCKET: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Everything until the text comes, for 10 s at most.
async fn read_until(
    address: std::net::SocketAddr,
    target: &str,
    headers: &[(&str, &str)],
    text: &str,
) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    let (mut seen, mut chunk) = (String::new(), [0; 4096]);
    let reading = async {
        while !seen.contains(text) {
            match stream.read(&mut chunk).await {
                Ok(len @ 1..) => seen.push_str(&String::from_utf8_lossy(&chunk[..len])),
                _ => break,
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(10), reading).await;
    seen
}

#[tokio::test]
async fn socket_and_stream_open_in_each_way_and_from_here_only() {
    let app = BROWSER.start("ways", &[]).await;
    let at = app.address;
    let own = format!("http://{at}");
    let (own, other) = (("origin", &*own), ("origin", "http://127.0.0.1:1"));
    let protocols = |value| ("sec-websocket-protocol", value);
    let (pair, with_chat) = (protocols("bearer, alice-token"), protocols("bearer, alice-token, chat"));
    for (target, headers, expected) in [
        ("/socket", &[pair, own][..], "sec-websocket-protocol: bearer"),
        ("/socket", &[with_chat, own], "sec-websocket-protocol: chat"),
        ("/socket", &[SESSION, own], "hello, alice"),
        ("/socket?access_token=alice-token", &[own], "hello, alice"),
        ("/socket", &[SESSION, other], " 401 "),
        ("/socket", &[protocols("bearer, unknown"), own], " 401 "),
        ("/socket", &[own], " 401 "),
    ] {
        let mut headers = headers.to_vec();
        headers.extend(SOCKET);
        let seen = read_until(at, target, &headers, expected).await;
        assert!(seen.contains(expected), "{target} {headers:?}: {seen}");
    }
    let site = |site| ("sec-fetch-site", site);
    for (target, headers, expected) in [
        ("/events", &[STREAM, SESSION, site("same-origin")][..], "hello, alice: 1"),
        ("/events?access_token=alice-token", &[STREAM], "hello, alice"),
        ("/events", &[STREAM, SESSION, site("same-site")], " 401 "),
        ("/events?access_token=alice-token", &[], " 401 "),
        ("/events", &[STREAM], " 401 "),
    ] {
        let seen = read_until(at, target, headers, expected).await;
        assert!(seen.contains(expected), "{target} {headers:?}: {seen}");
    }
}

#[tokio::test]
async fn page_is_open_and_session_is_a_cookie() {
    let app = BROWSER.start("session", &[]).await;
    let at = app.address;
    let page = http::get(at, "/?access_token=alice-token", &[]).await;
    assert!(page.status == 200 && page.body.contains("encodeURIComponent(token())"), "{page:?}");
    let (alice, unknown) = (("authorization", "Bearer alice-token"), ("authorization", "Bearer unknown"));
    let signed_in = request(at, "POST", "/session", &[alice]).await;
    let cookie = "__Host-session=alice-token; Path=/; Secure; HttpOnly; SameSite=Lax";
    assert_eq!((signed_in.status, signed_in.header("set-cookie")), (200, Some(cookie)));
    assert_eq!(request(at, "POST", "/session", &[unknown]).await.status, 401);
    assert_eq!(http::get(at, "/me", &[SESSION]).await.body, "alice\n");
    let own = ("sec-fetch-site", "same-origin");
    let signed_out = request(at, "DELETE", "/session", &[SESSION, own]).await;
    assert_eq!(signed_out.status, 204);
    assert!(signed_out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(
        request(at, "DELETE", "/session", &[SESSION]).await.status,
        401,
        "some other page may have sent it"
    );
}

#[tokio::test]
async fn allowed_origin_may_use_the_cookie_and_read_rejections() {
    let origin = "https://app.example.com";
    let app = BROWSER.start("origin", &[("ALLOW_ORIGIN", origin)]).await;
    let at = app.address;
    let (from_app, cross) = (("origin", origin), ("sec-fetch-site", "cross-site"));
    let answer = http::get(at, "/me", &[SESSION, from_app, cross]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(origin)));
    let answer = http::get(at, "/me", &[SESSION, ("origin", "https://evil.example.org"), cross]).await;
    assert_eq!(answer.status, 401);
    let answer = http::get(at, "/me", &[from_app, cross]).await;
    let exposed = answer.header("access-control-expose-headers");
    assert_eq!((answer.status, exposed), (401, Some("retry-after,www-authenticate")));
    let preflight = [from_app, ("access-control-request-method", "GET")];
    assert_eq!(request(at, "OPTIONS", "/me", &preflight).await.status, 200);
}

/// Whatever is logged of this service: spans, usage records, rejections.
#[tokio::test]
async fn no_token_is_logged() {
    let level = "aigc_auth=trace,browser=trace,tower_http=trace,axum=trace";
    let (app, mut log) = BROWSER.start_logged("log", &[("RUST_LOG", level)]).await;
    let at = app.address;
    let mut socket = SOCKET.to_vec();
    socket.push(("sec-websocket-protocol", "bearer, alice-token"));
    assert!(read_until(at, "/socket", &socket, "hello, alice").await.contains("hello, alice"));
    let targets =
        ["/events?access_token=alice-token", "/?access_token=alice-token", "/me?access_token=alice-token"];
    for target in targets {
        read_until(at, target, &[STREAM], "alice").await;
        read_until(at, target, &[], "\r\n\r\n").await;
    }
    http::get(at, "/me", &[SESSION]).await;
    http::get(at, "/me", &[SESSION, ("authorization", "Bearer bob-token")]).await;
    http::get(at, "/me", &[("authorization", "alice-token")]).await;
    http::get(at, "/me?last", &[SESSION]).await;
    let (mut served, mut refused) = (0, 0);
    loop {
        let line =
            tokio::time::timeout(Duration::from_secs(30), log.next_line()).await.unwrap().unwrap().unwrap();
        assert!(!line.contains("alice-token") && !line.contains("bob-token"), "{line}");
        served += usize::from(line.contains("served"));
        refused += usize::from(line.contains("request refused"));
        if line.contains("served") && line.contains("last") {
            break;
        }
    }
    assert!(served >= 4 && refused >= 4, "{served} records, {refused} rejections");
}
