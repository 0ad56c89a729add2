//! Webhooks, against a model of both kinds of signatures: nothing is handled or invalidated that nobody has signed.
//!
//! Lines of the input up to an empty one are headers: `S` a signature as the auth center's, `V` one of Standard Webhooks, `I`
//! an id, `T` a timestamp. In them `{hex}` and `{v1}` stand for signatures that are right, `{now}` for the time. The body follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::webhook::{self, HandlerError, UserEvent, WebhookConfig};
use aws_lc_rs::hmac;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

const SECRET: &str = "a secret of the fuzz targets";

#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl Counter {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Invalidate for Counter {
    fn apply(&self, _: &Invalidation) {
        self.add();
    }
}

pub(super) fn run(data: &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let (head, body) = (&data[..end], data.get(end + 2..).unwrap_or_default());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let sign = |message: &[u8]| hmac::sign(&key, message).as_ref().to_vec();
    let hex: String = sign(body).iter().map(|byte| format!("{byte:02x}")).collect();

    let lines: Vec<(u8, String)> = head
        .split(|&byte| byte == b'\n')
        .take(8)
        .filter_map(|line| line.split_first())
        .filter_map(|(kind, value)| Some((*kind, std::str::from_utf8(value).ok()?.to_owned())))
        .filter(|(kind, _)| b"SVIT".contains(kind))
        .map(|(kind, value)| (kind, value.replace("{now}", &now.to_string())))
        .collect();
    let first =
        |wanted: u8| lines.iter().find(|(kind, _)| *kind == wanted).map_or("", |(_, value)| value.as_str());
    let standard = sign(&[first(b'I').as_bytes(), b".", first(b'T').as_bytes(), b".", body].concat());
    let standard = format!("v1,{}", STANDARD.encode(standard));

    let mut sent: Vec<(u8, HeaderValue)> = Vec::new();
    for (kind, value) in &lines {
        // Not in what is signed itself.
        let value = match kind {
            b'S' | b'V' => value.replace("{hex}", &hex).replace("{v1}", &standard),
            _ => value.clone(),
        };
        let Ok(value) = HeaderValue::from_str(&value) else { return };
        sent.push((*kind, value));
    }
    let may_pass = is_signed(&sent, &hex, &standard, now);

    let (handled, invalidated) = (Counter::default(), Counter::default());
    let config = WebhookConfig::new(SECRET).unwrap().invalidate(invalidated.clone());
    let handler = {
        let handled = handled.clone();
        move |_: UserEvent| {
            handled.add();
            async { Ok::<_, HandlerError>(Value::Null) }
        }
    };
    let mut request = Request::post("/webhook/auth").body(Body::from(body.to_vec())).unwrap();
    for (kind, value) in sent {
        let name = match kind {
            b'S' => "x-webhook-signature",
            b'V' => "webhook-signature",
            b'I' => "webhook-id",
            _ => "webhook-timestamp",
        };
        request.headers_mut().append(name, value);
    }
    let response = super::block_on(webhook::router::<(), _>(config, handler).oneshot(request)).unwrap();
    let (status, shown) = (response.status(), String::from_utf8_lossy(data));
    assert_eq!(status != StatusCode::UNAUTHORIZED, may_pass, "{status} for {shown}");
    let event = serde_json::from_slice::<Value>(body).ok();
    let is_event = event.as_ref().is_some_and(|event| event.is_object() && event["event"].is_string());
    assert!(may_pass || (handled.get(), invalidated.get()) == (0, 0), "{shown}");
    assert_eq!(handled.get(), usize::from(status == StatusCode::OK), "{status} for {shown}");
    match status {
        StatusCode::OK => assert!(is_event, "{shown}"),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => {}
        status => panic!("{status} for {shown}"),
    }
    if let Some(event) =
        event.filter(|event| may_pass && event["event"] == "user.deleted" && event["data"]["id"].is_i64())
    {
        assert_eq!(invalidated.get(), 1, "{event}");
    }
}

/// Whether a right signature is there, and all that has to be with it.
fn is_signed(sent: &[(u8, HeaderValue)], hex: &str, standard: &str, now: u64) -> bool {
    let mut one = [None; 4];
    for (place, kind) in b"SVIT".iter().enumerate() {
        let mut values = sent.iter().filter(|(other, _)| other == kind).map(|(_, value)| value);
        // An id counts with a signature that covers it.
        if *kind == b'I' && !sent.iter().any(|(kind, _)| *kind == b'V') {
            continue;
        }
        let Some(value) = values.next() else { continue };
        let Ok(value) = value.to_str() else { return false };
        if values.next().is_some() {
            return false;
        }
        one[place] = Some(value);
    }
    let [plain, signatures, id, timestamp] = one;
    let is_now = match timestamp {
        None => true,
        Some(text) if text.len() > 32 => false,
        Some(text) => text.parse::<i64>().is_ok_and(|sent| i128::from(sent).abs_diff(i128::from(now)) <= 300),
    };
    let is_right = match signatures {
        None => plain == Some(hex),
        Some(signatures) => {
            // Of the first sixteen that could be one.
            let is_tag = |text: &&str| {
                text.strip_prefix("v1,")
                    .is_some_and(|text| STANDARD.decode(text).is_ok_and(|tag| tag.len() == 32))
            };
            id.is_some_and(|id| (1..=256).contains(&id.len()))
                && timestamp.is_some()
                && signatures.split(' ').filter(is_tag).take(16).any(|one| one == standard)
        }
    };
    is_now && is_right
}
