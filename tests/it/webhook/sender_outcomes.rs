//! `webhook::Sender`: what becomes of a delivery, by what its receiver does.

use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::webhook::{DeadLetter, Delivery, DeliveryError, DeliveryErrorKind, Sender};
use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use http::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;

use crate::support::tls::redirecting_http_client;
use crate::support::{Counting, Log, until};
use crate::webhook::receiver::{Receiver, hasty, sender, status};

async fn send(sender: &Sender) -> Result<Delivery, DeliveryError> {
    sender.send("user.updated", &json!({ "id": 7, "nickname": "爱丽丝" })).await
}

#[tokio::test]
async fn status_decides_delivered_refused_or_retried() {
    use DeliveryErrorKind::{Rejected, Unavailable};
    for code in [200, 201, 202, 204, 206, 299] {
        let receiver = Receiver::start(move |_| status(code)).await;
        let delivery = send(&sender(receiver.url())).await.unwrap();
        assert_eq!((delivery.status, delivery.attempts), (status(code), 1), "{code}");
        assert_eq!(receiver.only().header("webhook-id"), delivery.id, "{code}");
    }
    let refused: fn(StatusCode) -> DeliveryErrorKind = Rejected;
    for (codes, kind, attempts) in [
        (&[300, 301, 302, 303, 304, 307, 308][..], refused, 1),
        (&[400, 401, 403, 404, 405, 409, 410, 413, 415, 418, 422, 451, 499], refused, 1),
        (&[408, 425, 429], Unavailable, 3),
        (&[500, 501, 502, 503, 504, 507, 520, 599], Unavailable, 3),
    ] {
        for &code in codes {
            let receiver = Receiver::start(move |_| status(code)).await;
            let undelivered = send(&sender(receiver.url())).await.unwrap_err();
            assert_eq!(
                (undelivered.kind(), undelivered.attempts()),
                (kind(status(code)), attempts),
                "{code}"
            );
            assert_eq!(undelivered.may_succeed_later(), attempts > 1, "{code}");
            let received = receiver.received();
            assert_eq!(received.len(), attempts as usize, "{code}");
            let ids: Vec<_> = received.iter().map(|got| got.header("webhook-id")).collect();
            assert_eq!(ids, vec![undelivered.id(); received.len()], "{code}");
            assert!(undelivered.to_string().contains(&code.to_string()), "{undelivered}");
        }
    }
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let target = Receiver::start(|_| "welcome").await;
    for code in [301, 302, 303, 307, 308] {
        let to = target.url();
        let receiver = Receiver::start(move |_| (status(code), [("location", to.clone())])).await;
        let undelivered = send(&sender(receiver.url())).await.unwrap_err();
        assert_eq!(undelivered.kind(), DeliveryErrorKind::Rejected(status(code)));
        assert_eq!(undelivered.attempts(), 1);
        receiver.only();
    }
    assert_eq!(target.received().len(), 0);
}

#[tokio::test]
async fn delivery_is_retried_until_success() {
    for (statuses, attempts) in
        [(&[200][..], 1), (&[503, 204], 2), (&[429, 500, 201], 3), (&[500, 408, 200], 3)]
    {
        let receiver = Receiver::start(|before| status(statuses[before])).await;
        let delivery = send(&sender(receiver.url())).await.unwrap();
        assert_eq!((delivery.status, delivery.attempts), (status(statuses[attempts - 1]), attempts as u32));
        assert_eq!(receiver.received().len(), attempts);
    }
    // What it came to in the end is what counts.
    let receiver = Receiver::start(|before| status([500, 410][before])).await;
    let undelivered = send(&sender(receiver.url())).await.unwrap_err();
    assert_eq!(
        (undelivered.kind(), undelivered.attempts()),
        (DeliveryErrorKind::Rejected(StatusCode::GONE), 2)
    );
}

#[tokio::test]
async fn attempts_are_configurable_and_at_least_one() {
    for (set, attempts) in [(0, 1), (1, 1), (2, 2), (7, 7)] {
        let receiver = Receiver::start(|_| StatusCode::INTERNAL_SERVER_ERROR).await;
        let undelivered = send(&hasty(receiver.url()).attempts(set).build().unwrap()).await.unwrap_err();
        assert_eq!(
            (undelivered.attempts(), receiver.received().len()),
            (attempts, attempts as usize),
            "{set}"
        );
    }
}

/// Reads a request to its end: to close a connection on unread bytes is to reset it.
async fn request(stream: &mut TcpStream) {
    let (mut seen, mut chunk) = (Vec::new(), [0; 8192]);
    // The end of what `send` sends.
    while !seen.ends_with("爱丽丝\"}}".as_bytes()) {
        let len = stream.read(&mut chunk).await.unwrap();
        assert!(len > 0, "the request broke off");
        seen.extend_from_slice(&chunk[..len]);
    }
}

/// Says this, and then closes the connection, or resets it.
async fn ends_after(answer: &'static str, reset: bool) -> Counting {
    Counting::start(move |mut stream| async move {
        request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        if reset {
            // `set_zero_linger` needs a newer tokio; at zero, a drop does not block.
            #[allow(deprecated)]
            stream.set_linger(Some(Duration::ZERO)).unwrap();
        }
    })
    .await
}

/// Says this, and then nothing more.
async fn silent_after(answer: &'static str) -> Counting {
    Counting::start(move |mut stream| async move {
        request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        pending::<()>().await;
    })
    .await
}

#[tokio::test]
async fn unreachable_receiver_is_retried() {
    // Bound and not listening: the port stays taken, and connections are refused.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/webhook/auth", nobody.local_addr().unwrap());
    let undelivered = send(&sender(url)).await.unwrap_err();
    assert_eq!((undelivered.kind(), undelivered.attempts()), (DeliveryErrorKind::Connection, 3));
    assert!(undelivered.may_succeed_later());

    for said in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
        for reset in [false, true] {
            let receiver = ends_after(said, reset).await;
            let undelivered = send(&sender(receiver.url())).await.unwrap_err();
            assert_eq!(undelivered.kind(), DeliveryErrorKind::Connection, "{said:?} {reset}");
            assert_eq!((undelivered.attempts(), receiver.connections()), (3, 3), "{said:?} {reset}");
        }
    }
}

#[tokio::test]
async fn silent_receiver_times_out() {
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"] {
        let receiver = silent_after(said).await;
        let sender = hasty(receiver.url()).timeout(Duration::from_millis(10)).attempts(2).build().unwrap();
        let undelivered = send(&sender).await.unwrap_err();
        assert_eq!((undelivered.kind(), undelivered.attempts()), (DeliveryErrorKind::Timeout, 2), "{said:?}");
        assert!(undelivered.may_succeed_later(), "{said:?}");
    }
}

const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":";

/// Its status says that the receiver has the event: to send it again would do harm only.
#[tokio::test]
async fn truncated_answer_counts_as_delivered() {
    let receiver = ends_after(HALF, false).await;
    let delivery = send(&sender(receiver.url())).await.unwrap();
    assert_eq!((delivery.status, delivery.attempts), (StatusCode::OK, 1));
    assert_eq!((&*delivery.answer, receiver.connections()), (&b""[..], 1));
}

#[tokio::test]
async fn hanging_answer_counts_as_delivered() {
    let receiver = silent_after(HALF).await;
    // On a slow machine an attempt may end before its status came.
    let sender = hasty(receiver.url()).timeout(Duration::from_millis(50)).attempts(5).build().unwrap();
    let delivery = send(&sender).await.unwrap();
    assert_eq!((delivery.status, &*delivery.answer), (StatusCode::OK, &b""[..]));
    assert_eq!(receiver.connections(), delivery.attempts as usize);
}

#[tokio::test]
async fn answer_is_kept_up_to_64_kib() {
    let most = 64 * 1024;
    for (len, kept) in [(0, 0), (1, 1), (most - 1, most - 1), (most, most), (most + 1, 0), (10 * most, 0)] {
        let whole = move |_| Response::new(Body::from(vec![b'x'; len]));
        let chunked = move |_| {
            let chunks = (0..len.div_ceil(1000)).map(move |at| vec![b'x'; (len - at * 1000).min(1000)]);
            Response::new(Body::from_stream(stream::iter(chunks.map(Ok::<_, Infallible>))))
        };
        let whole = Receiver::start(whole).await;
        let chunked = Receiver::start(chunked).await;
        for receiver in [whole, chunked] {
            let delivery = send(&sender(receiver.url())).await.unwrap();
            assert_eq!((delivery.answer.len(), delivery.attempts), (kept, 1), "{len}");
        }
    }
}

#[tokio::test]
async fn retry_after_is_honored_and_cancellable() {
    let log = Log::start();
    for (code, retry_after, pause) in [(429, "60", "60s"), (503, "7", "7s"), (500, "86400", "60s")] {
        let receiver = Receiver::start(move |_| (status(code), [("retry-after", retry_after)])).await;
        let sender = sender(receiver.url());
        let delivery = tokio::spawn(async move { send(&sender).await.map(drop) });
        let mut said = String::new();
        until("the first attempt fails", || {
            said += &log.take();
            said.contains("webhook delivery failed")
        })
        .await;
        assert!(said.contains(&format!("pause=Some({pause})")), "{said}");
        delivery.abort();
        assert!(delivery.await.unwrap_err().is_cancelled());
        receiver.only();
    }
}

#[tokio::test]
async fn last_attempt_returns_without_pause() {
    for (code, attempts) in [(429, 1), (404, 3)] {
        let receiver = Receiver::start(move |_| (status(code), [("retry-after", "60")])).await;
        let sender = hasty(receiver.url()).attempts(attempts).build().unwrap();
        let undelivered = tokio::time::timeout(Duration::from_secs(30), send(&sender)).await.unwrap();
        assert_eq!(undelivered.unwrap_err().attempts(), 1, "{code}");
    }
}

#[tokio::test]
async fn dropping_delivery_cancels_it() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let receiver = Counting::start(move |mut stream| {
        let tx = tx.clone();
        async move {
            request(&mut stream).await;
            tx.send("it came").unwrap();
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
            tx.send("the connection was closed").unwrap();
        }
    })
    .await;
    let sender = sender(receiver.url());
    let delivery = tokio::spawn(async move { send(&sender).await.map(drop) });
    assert_eq!(rx.recv().await, Some("it came"));
    delivery.abort();
    assert!(delivery.await.unwrap_err().is_cancelled());
    assert_eq!(rx.recv().await, Some("the connection was closed"));
    assert_eq!(receiver.connections(), 1);
}

/// A `POST` that is redirected becomes a `GET`, and a page that asks to log in is no receipt.
#[tokio::test]
async fn redirect_followed_by_custom_client_is_rejected() {
    for code in [301, 302, 303, 307, 308] {
        let elsewhere = Receiver::start(|_| "please log in").await;
        for to in [elsewhere.url(), "/elsewhere".to_owned(), "/webhook/auth?elsewhere".to_owned()] {
            let target = to.clone();
            let receiver = Receiver::start(move |before| {
                let first = if before == 0 { status(code) } else { StatusCode::OK };
                (first, [("location", target.clone())])
            })
            .await;
            let sender = hasty(receiver.url()).http_client(redirecting_http_client()).build().unwrap();
            let undelivered = send(&sender).await.unwrap_err();
            assert_eq!(undelivered.kind(), DeliveryErrorKind::Rejected(StatusCode::OK), "{code} {to}");
            assert_eq!(undelivered.attempts(), 1, "{code} {to}");
            assert!(undelivered.source().unwrap().to_string().contains("redirect"), "{undelivered:?}");
        }
        assert_eq!(elsewhere.received().len(), 1, "{code}");
    }
    let receiver = Receiver::start(|_| "thanks").await;
    let url = receiver.url().replace("://", "://user:password@") + "?a=b&c=d#fragment";
    let delivery = send(&hasty(url).http_client(redirecting_http_client()).build().unwrap()).await.unwrap();
    assert_eq!(delivery.answer, "thanks");
}

#[tokio::test]
async fn rejections_say_what_to_do() {
    for (code, location, said, [is_gone, is_too_large, is_redirect]) in [
        (304, None, "(304 Not Modified)", [false, false, false]),
        (410, None, "(410 Gone): it wants no more events, so end its subscription", [true, false, false]),
        (413, None, "(413 Payload Too Large): the event is too large for it", [false, true, false]),
        (
            301,
            Some("https://new.example.com/?key=hunter2"),
            "redirects are not followed",
            [false, false, true],
        ),
        (
            308,
            Some("/elsewhere"),
            "(308 Permanent Redirect): redirects are not followed",
            [false, false, true],
        ),
        (302, None, "so name the URL where it is now", [false, false, true]),
        (401, None, "rejected by the receiver (401 Unauthorized)", [false; 3]),
        (503, None, "the receiver is unavailable (503", [false; 3]),
    ] {
        let receiver = Receiver::start(move |_| {
            let headers = location.map(|to| (http::header::LOCATION, http::HeaderValue::from_static(to)));
            (status(code), headers.into_iter().collect::<http::HeaderMap>())
        })
        .await;
        let error = send(&sender(receiver.url())).await.unwrap_err();
        assert!(
            error.to_string().contains(said) && !format!("{error} {error:?}").contains("hunter2"),
            "{error}"
        );
        assert_eq!(
            [error.is_gone(), error.is_too_large(), error.is_redirect()],
            [is_gone, is_too_large, is_redirect]
        );
        assert_eq!(error.location(), location, "{code}");
    }
}

/// A sender that keeps its dead letters.
fn keeping(receiver: &Receiver) -> (Sender, Arc<Mutex<Vec<DeadLetter>>>) {
    let letters = Arc::<Mutex<Vec<DeadLetter>>>::default();
    let kept = letters.clone();
    let sender = hasty(receiver.url()).on_dead_letter(move |letter| kept.lock().unwrap().push(letter));
    (sender.build().unwrap(), letters)
}

#[tokio::test]
async fn event_that_is_not_delivered_becomes_dead_letter() {
    for (code, attempts) in [(503, 3), (410, 1)] {
        let receiver =
            Receiver::start(move |before| status(if before < attempts { code } else { 200 })).await;
        let (sender, letters) = keeping(&receiver);
        let error = send(&sender).await.unwrap_err();
        let taken = std::mem::take(&mut *letters.lock().unwrap());
        let [letter] = &taken[..] else { panic!("one letter: {taken:?}") };
        assert_eq!((&*letter.id, &*letter.event), (error.id(), "user.updated"));
        assert_eq!((letter.error.kind(), letter.error.attempts()), (error.kind(), attempts as u32));
        assert_eq!(letter.data(), json!({ "id": 7, "nickname": "爱丽丝" }));
        assert_eq!(letter.body, receiver.received()[0].body, "as it was sent");
        let shown = format!("{letter:?}");
        assert!(shown.contains(&letter.id) && !shown.contains("nickname"), "{shown}");
        // Sent again, it is the same event.
        let again = sender.send_as(&letter.id, &letter.event, &letter.data()).await.unwrap();
        assert_eq!(again.id, letter.id);
        let sent = receiver.received();
        assert_eq!(sent[attempts].body, sent[0].body);
    }
    // What is delivered, cannot be sent, or is given up by its caller is none.
    let receiver = Receiver::start(|before| status([500, 200, 503, 503, 503][before])).await;
    let (sender, letters) = keeping(&receiver);
    send(&sender).await.unwrap();
    sender.send("not\na name", &json!({})).await.unwrap_err();
    let slow = Sender::builder(receiver.url(), "the secret of the webhook").on_dead_letter({
        let letters = letters.clone();
        move |letter| letters.lock().unwrap().push(letter)
    });
    let slow = slow.build().unwrap();
    let sending = tokio::spawn(async move { send(&slow).await });
    until("the first attempt fails", || receiver.received().len() == 3).await;
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    assert!(letters.lock().unwrap().is_empty());
}
