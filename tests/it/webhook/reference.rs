//! Webhooks both ways between this crate and the reference client.

use std::sync::{Arc, Mutex};

use aigc_auth::Secret;
use aigc_auth::webhook::{self, DeliveryErrorKind, EVENTS, HandlerError, Sender, UserEvent, WebhookConfig};
use axum::Router;
use serde_json::{Value, json};

use crate::support::{Reference, random, serve};

/// Not ASCII: both sides must take its UTF-8.
const SECRET: &str = "密钥 of the webhook, 🔑";

/// What breaks a careless encoder, a careless decoder, or one that tidies up.
const PIECES: &[&str] = &[
    "用户",
    "部门变更：研发 → 市场",
    "𠮷野家",
    "🎉",
    "👩‍👩‍👧‍👦",
    "🇨🇳",
    "e\u{301}",
    "é",
    "ﬁ",
    "العربية",
    "\"",
    "\\",
    "\\u4e2d",
    "'",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\u{10ffff}",
    "</script>",
    "{\"event\": ",
    "%00+&=",
    "plain text ",
];

fn text(random: &mut fastrand::Rng, pieces: usize) -> String {
    (0..random.usize(..=pieces)).filter_map(|_| random.choice(PIECES.iter().copied())).collect()
}

fn value(random: &mut fastrand::Rng, depth: usize) -> Value {
    match random.u8(..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => random.i64(..).into(),
        3 => random.u64(..).into(),
        4 => (f64::from(random.i32(..)) / 4.0).into(),
        5 => text(random, 10).into(),
        6 => (0..random.usize(..4)).map(|_| value(random, depth - 1)).collect(),
        _ => (0..random.usize(..4)).map(|_| (text(random, 3), value(random, depth - 1))).collect(),
    }
}

/// Events of all kinds, each another one than those before.
fn events(random: &mut fastrand::Rng) -> Vec<(String, Value)> {
    let names = [&EVENTS[..], &["user.role_assigned", "team.created"]].concat();
    let event = |number: usize| {
        let long = if number.is_multiple_of(10) { 2_000 } else { 10 };
        let data = json!({
            "id": number, "username": text(random, 3), "nickname": text(random, 10), "email": null,
            "department": text(random, long), "roles": [text(random, 2), text(random, 2)], "is_admin": random.bool(),
            "status": "active", "updatedFields": ["nickname", text(random, 2)], "more": value(random, 5),
        });
        (names[number % names.len()].to_owned(), data)
    };
    (0..100).map(event).collect()
}

#[tokio::test]
async fn events_of_reference_sender_arrive_unchanged() {
    for reference in Reference::all_versions() {
        let sent = events(&mut random());
        let seen = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let journal = seen.clone();
        let handler = move |event: UserEvent| {
            let data = match &event {
                UserEvent::InitSync(data) | UserEvent::Other { data, .. } => data.clone(),
                _ => event.user().unwrap().raw().clone().into(),
            };
            journal.lock().unwrap().push((event.name().to_owned(), data));
            async { Ok::<_, HandlerError>(json!({ "success": true })) }
        };
        let router: Router = webhook::router(WebhookConfig::new(SECRET).unwrap(), handler);
        let app = serve(router).await;

        let url = format!("http://{}/webhook/auth", app.address);
        let variables = [("WEBHOOK_URL", &*url), ("AIGC_AUTH_WEBHOOK_SECRET", SECRET)];
        let input: Value = sent.iter().map(|(event, data)| json!({ "event": event, "data": data })).collect();
        let said = reference.run("send_webhooks.py", &variables, &input).await;
        assert_eq!(said, json!(vec![true; 100]));
        assert_eq!(*seen.lock().unwrap(), sent);
    }
}

#[tokio::test]
async fn reference_router_accepts_our_events() {
    for reference in Reference::all_versions() {
        let server = reference.serve("receive_webhooks.py", &[("AIGC_AUTH_WEBHOOK_SECRET", SECRET)]).await;
        let url = format!("http://{}/webhook/auth", server.address);
        let sender = Sender::builder(&url, SECRET).build().unwrap();
        for (number, (event, data)) in events(&mut random()).iter().enumerate() {
            let delivery = sender.send(event, data).await.unwrap();
            assert_eq!((delivery.status.as_u16(), delivery.attempts), (200, 1), "{event} {data}");
            let answer: Value = serde_json::from_slice(&delivery.answer).unwrap();
            assert_eq!(answer, json!({ "seen": number + 1, "event": { "event": event, "data": data } }));
        }

        let other_sender = Sender::builder(&url, "another secret, as long").build().unwrap();
        let refused = other_sender.send("user.updated", &json!({ "id": 7 })).await.unwrap_err();
        assert_eq!(refused.kind(), DeliveryErrorKind::Rejected(http::StatusCode::UNAUTHORIZED));
        assert_eq!(refused.attempts(), 1);
        let next = sender.send("user.updated", &json!({ "id": 7 })).await.unwrap();
        let answer: Value = serde_json::from_slice(&next.answer).unwrap();
        assert_eq!(answer["seen"], 101, "the handler over there has not seen what was refused");
    }
}

#[tokio::test]
async fn signatures_match_reference() {
    for reference in Reference::all_versions() {
        let mut random = random();
        let mut bodies = vec![String::new(), "{}".to_owned(), PIECES.concat(), "长".repeat(100_000)];
        bodies.extend((0..50).map(|_| text(&mut random, 100)));
        let secret = Secret::from(SECRET);
        let signatures: Vec<_> = bodies.iter().map(|body| webhook::sign(body.as_bytes(), &secret)).collect();
        let both = || bodies.iter().zip(&signatures);
        let input = both().map(|(body, signature)| json!({ "body": body, "signature": signature })).collect();
        let said = reference.run("sign_webhooks.py", &[("AIGC_AUTH_WEBHOOK_SECRET", SECRET)], &input).await;
        for ((body, signature), said) in both().zip(said.as_array().unwrap()) {
            let expected = json!({ "signature": signature, "accepted": true, "accepted_for_another": false });
            assert_eq!(*said, expected, "{body}");
            assert!(webhook::verify_signature(body.as_bytes(), said["signature"].as_str().unwrap(), &secret));
        }
        assert_eq!(said.as_array().unwrap().len(), bodies.len());
    }
}
