//! What strangers may have read, and how much memory it takes.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::{Stopwatch, head, measure_memory, resident_kib};
use crate::webhook::support::{CHANGE, Notes, config, refused, report, serve_hook};

const CASE: &str = "AIGC_AUTH_TEST_WEBHOOK_CASE";
const CONNECTIONS: usize = 400;
const BODY: &[u8] = &[b' '; 256 * 1024 - 1];
/// Longer than one waits for a place, and shorter than a body may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A name, a signature of no secret, how many are refused and how, after how many seconds at most, and how much memory all take
/// at most, in KiB.
type Case = (&'static str, &'static str, (usize, u16), u64, u64);

const CASES: [Case; 3] = [
    ("text", "a signature", (CONNECTIONS, 401), 1, 8 * 1024),
    ("short hex", "0123456789abcdef", (CONNECTIONS, 401), 1, 8 * 1024),
    // 64 bodies are being read, of 256 KiB each and with a server's buffer of up to 400 KiB; and what 400 connections take.
    ("hex", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", (336, 503), 3, 48 * 1024),
];

#[test]
fn bodies_of_strangers_take_bounded_memory() {
    measure_memory(module_path!(), "child_process_receives_bodies", CASE, CASES.map(|(case, ..)| case));
}

/// Strangers send all but the last byte of a body.
#[tokio::test]
async fn child_process_receives_bodies() {
    let Ok(case) = std::env::var(CASE) else { return };
    let (_, signature, expected, within, limit) = CASES.into_iter().find(|(name, ..)| *name == case).unwrap();
    let app = serve_hook(config(), Notes::default()).await;
    let length = (BODY.len() + 1).to_string();
    let head =
        head("POST", "/webhook/auth", &[("x-webhook-signature", signature), ("content-length", &length)]);
    let start = resident_kib();
    // The status and how long it took; `None` while the body is being read. A connection that is closed on a stranger who is still
    // sending may be reset before the stranger has read the status: that is a refusal, too.
    let knock = async || {
        let (mut reading, mut writing) = TcpStream::connect(app.address).await.unwrap().into_split();
        writing.write_all(&head).await.unwrap();
        let (mut status, began) = ([0; 12], Stopwatch::start());
        let (answer, _) = tokio::join!(
            timeout(PATIENCE, reading.read_exact(&mut status)),
            // The service reads no further than it wants to.
            timeout(PATIENCE, writing.write_all(BODY)),
        );
        let status = String::from_utf8_lossy(&status[9..]);
        let answer = answer.ok()?;
        Some((answer.ok().map(|_| status.parse::<u16>().unwrap()), began.elapsed()))
    };
    let meanwhile = async {
        sleep(Duration::from_secs(1)).await;
        let during = resident_kib();
        // An ordinary event takes no place, and waits for nobody.
        let began = Stopwatch::start();
        assert_eq!(report(&app, CHANGE).await.status, 200);
        let event = began.elapsed();
        let large = format!(r#"{{"event": "team.created", "data": "{}"}}"#, "x".repeat(20_000));
        let large = report(&app, large).await;
        if expected.1 == 401 {
            assert_eq!(large.status, 200);
        } else {
            assert_eq!(refused(&large, 503), "Too many large bodies are being read");
            assert_eq!(large.header("retry-after"), Some("1"));
        }
        (during.max(resident_kib()).saturating_sub(start), event)
    };
    let (answers, (grown, event)) = tokio::join!(join_all((0..CONNECTIONS).map(|_| knock())), meanwhile);
    let refusals: Vec<_> = answers.into_iter().flatten().collect();
    let slowest = refusals.iter().map(|(_, took)| *took).max().unwrap_or_default();
    println!(
        "{case}: {start} KiB, and {grown} KiB for {CONNECTIONS} connections; {} were refused, {} of them by a \
         status, the last after {slowest:.1?}; an event meanwhile took {event:.1?}",
        refusals.len(),
        refusals.iter().filter(|(status, _)| status.is_some()).count(),
    );
    let mut statuses = refusals.iter().filter_map(|(status, _)| *status).peekable();
    assert!(statuses.peek().is_some() && statuses.all(|status| status == expected.1), "{refusals:?}");
    assert_eq!(refusals.len(), expected.0);
    assert!(slowest < Duration::from_secs(within), "{slowest:?}");
    assert!(event < Duration::from_secs(2), "it waited for a place: {event:?}");
    assert!(grown <= limit, "{case}: {grown} KiB");
}
