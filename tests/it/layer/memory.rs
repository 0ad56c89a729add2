//! What stays in memory of requests whose callers are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aigc_auth::AuthLayer;
use aigc_auth::error::ErrorResponder;
use aigc_auth::testing::{AuthCenter, Fault};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{client_with, head, measure_memory, resident_kib, serve, until};

const CASE: &str = "AIGC_AUTH_TEST_MEMORY_CASE";
const LARGE: usize = 300 * 1024;
/// What may stay of a request, in KiB.
const LIMIT: u64 = 20;
/// What may stay of the server, in KiB: the buffers of the last requests.
const LIMIT_AT_ALL: u64 = 4 * 1024;

/// A name, the header beside the token, whether it comes with a request before on the same connection, and how many
/// requests.
const CASES: [(&str, &str, bool, usize); 5] = [
    ("junk", "x-junk", false, 800),
    ("user agent", "user-agent", false, 100),
    ("forwarded", "x-forwarded-for", false, 100),
    ("request before", "x-junk", true, 100),
    // Of a layer whose responder wants to see the head.
    ("responder", "x-junk", false, 100),
];

#[test]
fn lookup_without_its_caller_does_not_keep_the_head() {
    measure_memory(module_path!(), "child_process_hangs_up", CASE, CASES.map(|(case, ..)| case));
}

/// Sends tokens that nobody has, each with a head of 300 KiB, and hangs up; the center hangs, so that the lookups go on.
#[tokio::test]
async fn child_process_hangs_up() {
    let Ok(case) = std::env::var(CASE) else { return };
    let (_, header, before, requests) = CASES.into_iter().find(|(name, ..)| *name == case).unwrap();
    let center = AuthCenter::start().await;
    center.inject_fault(Fault::Hang);
    let client = client_with(&center, |builder| {
        // So that they all have room: one network has four fifths of what strangers have, which is four fifths, too.
        let lookups = requests * 25 / 16;
        builder.timeout(Duration::from_secs(60)).max_in_flight(4).max_concurrent_lookups(lookups)
    });
    let asked = Arc::<AtomicUsize>::default();
    let count = {
        let asked = asked.clone();
        from_fn(move |request: Request, next: Next| {
            asked.fetch_add(1, Ordering::SeqCst);
            next.run(request)
        })
    };
    let mut auth = AuthLayer::new(client);
    if case == "responder" {
        auth = auth.error_responder(ErrorResponder::new(|refusal| refusal.default_response()));
    }
    let router = Router::new().route("/", get(|| async {})).layer(auth).layer(count);
    let app = serve(router).await;

    let filling = "1.2.3.4, ".repeat(LARGE / 9);
    // What the first requests need stays in any case.
    let mut start = 0;
    for n in 0..requests {
        if n == 10 {
            start = resident_kib();
        }
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        let token = format!("Bearer token-{n}-of-a-length-that-tokens-have");
        let request = if before {
            let first = format!("GET / HTTP/1.1\r\nhost: test\r\n{header}: {filling}\r\n\r\n");
            stream.write_all(first.as_bytes()).await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            head("GET", "/", &[("authorization", &*token)])
        } else {
            head("GET", "/", &[("authorization", &*token), (header, &*filling)])
        };
        let asked_before = asked.load(Ordering::SeqCst);
        stream.write_all(&request).await.unwrap();
        // A server that sees the end first does not call the service.
        until("the service is called", || asked.load(Ordering::SeqCst) > asked_before).await;
        stream.shutdown().await.unwrap();
        // The service closes once it has noticed.
        while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
    }
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream
        .write_all(&head("GET", "/", &[("authorization", "Bearer one-more"), (header, "1.2.3.4")]))
        .await
        .unwrap();
    let mut answer = [0; 4096];
    let full = timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
    let full = full.expect("no room for one more").unwrap();
    assert!(answer[..full].starts_with(b"HTTP/1.1 503 "), "{requests} lookups go on");
    let grown = resident_kib().saturating_sub(start);
    println!("{case}: {start} KiB, and {grown} KiB for {requests} lookups");
    assert!(grown <= (LIMIT * requests as u64).max(LIMIT_AT_ALL), "{case}: {grown} KiB");
}
