//! Messages of Standard Webhooks between this crate and the libraries that most senders and receivers use.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aigc_auth::testing::Clock;
use aigc_auth::webhook::{Sender, WebhookConfig};
use axum::Router;
use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Value, json};
use test_support::{expectations, python};
use tokio::process::Command;

use crate::support::{converse, serve};
use crate::webhook::support::{Headers, Notes, deliver, serve_hook, standard_signature};

/// As `echo "whsec_$(openssl rand -base64 32)"` prints; its key has bytes that are no text.
const SECRET: &str = "whsec_q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
const BODY: &str =
    r#"{"event": "user.updated", "data": {"id": 7, "username": "用户 🎉", "updatedFields": ["email"]}}"#;

/// The commands that are installed: the libraries of PyPI, and those of npm.
fn commands() -> Vec<(&'static str, Command)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/webhooks");
    let mut commands = vec![];
    for (name, variable, script) in [
        ("PyPI", "AIGC_AUTH_WEBHOOKS_PYTHON", "exchange.py"),
        ("npm", "AIGC_AUTH_WEBHOOKS_NPM", "exchange.mjs"),
    ] {
        let Some(value) = std::env::var_os(variable) else {
            eprintln!(
                "skipped: {variable} is not set; tests/run.sh installs the libraries of {name} and sets it"
            );
            continue;
        };
        let mut command =
            if name == "npm" { Command::new("node") } else { python::command(Path::new(&value)) };
        command.arg(folder.join(script)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        commands.push((name, command));
    }
    commands
}

/// What each library says of these messages, by name.
async fn exchange(verify: &[Value], sign: &[Value]) -> Vec<(String, Value)> {
    let task = json!({ "secret": SECRET, "verify": verify, "sign": sign });
    let mut said = vec![];
    for (registry, mut command) in commands() {
        let Value::Object(libraries) = converse(command.spawn().unwrap(), registry, &task).await else {
            panic!("{registry}: no object")
        };
        assert_eq!(libraries.len(), 2, "{registry}");
        said.extend(libraries.into_iter().map(|(name, said)| (format!("{name} of {registry}"), said)));
    }
    said
}

fn key() -> Vec<u8> {
    STANDARD.decode(&SECRET["whsec_".len()..]).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn headers(id: &str, timestamp: &str, signature: &str) -> Headers {
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_owned()),
        ("webhook-signature", signature.to_owned()),
    ]
}

#[tokio::test]
async fn libraries_verify_what_sender_sends() {
    let seen = Arc::<Mutex<Vec<Value>>>::default();
    let journal = seen.clone();
    let receiver = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        journal.lock().unwrap().push(json!({
            "id": header("webhook-id"), "timestamp": header("webhook-timestamp"),
            "signature": header("webhook-signature"), "body": std::str::from_utf8(&body).unwrap(),
        }));
        async {}
    });
    let app = serve(receiver).await;
    let url = format!("http://{}/", app.address);
    let data = json!({ "username": "用户 🎉 \u{2028}", "id": 7, "updatedFields": ["email"] });
    // Also in the form that Supabase shows, and beside another secret.
    let shown = format!("v1,{SECRET}");
    for sender in [
        Sender::builder(&url, SECRET),
        Sender::builder(&url, shown),
        Sender::builder(&url, "a secret of another kind").also_sign_with(SECRET),
    ] {
        sender.build().unwrap().send("user.updated", &data).await.unwrap();
    }
    let mut messages = seen.lock().unwrap().clone();
    let right = messages.len();
    for (field, wrong) in [("body", "{}"), ("id", "msg_2"), ("timestamp", "1")] {
        let mut message = messages[0].clone();
        message[field] = json!(wrong);
        messages.push(message);
    }
    for (library, said) in exchange(&messages, &[]).await {
        let expected: Vec<_> = (0..messages.len()).map(|at| at < right).collect();
        let what = "verifies what is sent, and nothing that was changed";
        let verified: Vec<bool> = serde_json::from_value(said["verified"].clone()).unwrap();
        expectations::expect(&library, what, &verified, &expected);
    }
}

#[tokio::test]
async fn router_verifies_what_libraries_sign() {
    // As long as Python may take to start, the time is this.
    let (now, clock) = (now(), Clock::held());
    // A sender has a clock with fractions, and a clock that is a little off.
    let times = [now as f64, now as f64 + 0.7, now as f64 - 290.0, now as f64 + 290.25];
    let message =
        |(at, seconds): (usize, &f64)| json!({ "id": format!("msg_{at}"), "seconds": seconds, "body": BODY });
    let messages: Vec<_> = times.iter().enumerate().map(message).collect();
    for secret in [SECRET.to_owned(), format!("v1,{SECRET}")] {
        for (library, said) in exchange(&[], &messages).await {
            let config = WebhookConfig::new(&*secret).unwrap().require_timestamp().clock(clock.clone());
            let app = serve_hook(config, Notes::default()).await;
            for (at, seconds) in times.iter().enumerate() {
                let (id, timestamp) = (format!("msg_{at}"), seconds.floor().to_string());
                let sent = headers(&id, &timestamp, said["signed"][at].as_str().unwrap());
                let changed = deliver(&app, &sent, BODY.replace('7', "8")).await;
                assert_eq!(changed.status, 401, "{library}, {seconds}");
                assert_eq!(deliver(&app, &sent, BODY).await.status, 200, "{library}, {seconds}");
            }
            let what =
                if secret == SECRET { "what it signs is accepted" } else { "… by the secret with `v1,`" };
            expectations::met(&library, what, "200; 401 where the body was changed");
        }
    }
}

/// The libraries read a number, and sign that; here the text is signed, as it was sent.
#[tokio::test]
async fn odd_timestamps_are_accepted_by_none_who_reads_them_otherwise() {
    let now = now();
    let app = serve_hook(WebhookConfig::new(SECRET).unwrap().require_timestamp(), Notes::default()).await;
    // The text, whether it is signed as it is or as the number, who accepts it: the router, the libraries of PyPI, of npm.
    let cases = [
        (now.to_string(), true, [true, true, true]),
        (format!("{now}.0"), true, [false, false, false]),
        (format!("{now}.0"), false, [false, true, true]),
        (format!("{now}.7"), false, [false, true, true]),
        (format!("+{now}"), true, [true, false, false]),
        (format!("+{now}"), false, [false, true, true]),
        (format!("0{now}"), true, [true, false, false]),
        (format!("0{now}"), false, [false, true, true]),
        (format!("{now}s"), false, [false, false, true]),
        (format!("{now}e0"), false, [false, true, true]),
        (format!("0x{now:x}"), false, [false, false, false]),
        ("soon".to_owned(), true, [false, false, false]),
        ("-1".to_owned(), true, [false, false, false]),
        // Of another time, and so for longer than Python may take to start.
        ((now - 310).to_string(), true, [false, false, false]),
        ((now + 610).to_string(), true, [false, false, false]),
        (format!("{now}000"), true, [false, false, false]),
    ];
    let mut messages = vec![];
    for (at, (text, is_signed_as_sent, expected)) in cases.iter().enumerate() {
        let (id, number) = (format!("msg_{at}"), now.to_string());
        let signed = if *is_signed_as_sent { text } else { &number };
        let signature = format!("v1,{}", standard_signature(&key(), &id, signed, BODY.as_bytes()));
        let answer = deliver(&app, &headers(&id, text, &signature), BODY).await;
        assert_eq!(answer.status == 200, expected[0], "{text}, as sent: {is_signed_as_sent}: {answer:?}");
        messages.push(json!({ "id": id, "timestamp": text, "signature": signature, "body": BODY }));
    }
    for (library, said) in exchange(&messages, &[]).await {
        let of_npm = usize::from(library.ends_with("npm"));
        let verified = said["verified"].as_array().unwrap();
        assert_eq!(verified.len(), cases.len(), "{library}");
        for ((text, is_signed_as_sent, accepted), verified) in cases.iter().zip(verified) {
            let text = text.replace(&now.to_string(), "NOW");
            let signed = if *is_signed_as_sent { &*text } else { "NOW" };
            let what = format!("a timestamp {text}, signed as {signed}");
            expectations::expect(&library, &what, verified, &json!(accepted[1 + of_npm]));
        }
    }
}

#[tokio::test]
async fn svix_headers_are_not_read() {
    let app = serve_hook(WebhookConfig::new(SECRET).unwrap(), Notes::default()).await;
    let timestamp = now().to_string();
    let signature = format!("v1,{}", standard_signature(&key(), "msg_1", &timestamp, BODY.as_bytes()));
    let svix =
        vec![("svix-id", "msg_1".to_owned()), ("svix-timestamp", timestamp), ("svix-signature", signature)];
    let answer = deliver(&app, &svix, BODY).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("webhook-signature) is missing"), "{}", answer.body);
}
