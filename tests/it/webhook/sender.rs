//! `webhook::Sender`: what it sends, and what it does not.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aigc_auth::Secret;
use aigc_auth::webhook::{
    self, DeliveryError, DeliveryErrorKind, HandlerError, Sender, UserEvent, WebhookConfig,
};
use axum::Router;
use serde::{Serialize, Serializer, ser};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::support::{App, Counting, Log, serve};
use crate::webhook::receiver::{Receiver, SECRET, hasty, sender};

/// This crate's own endpoint, and the events it has handled. Those whose data has `failures` fail so often first.
struct Endpoint {
    app: App,
    handled: Arc<Mutex<Vec<UserEvent>>>,
    runs: Arc<AtomicUsize>,
}

impl Endpoint {
    async fn start(config: WebhookConfig) -> Self {
        let (handled, runs) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicUsize>::default());
        let (journal, counter) = (handled.clone(), runs.clone());
        let router: Router = webhook::router(config, move |event: UserEvent| {
            let run = counter.fetch_add(1, Ordering::SeqCst);
            let failures = event.user().and_then(|user| user.raw().get("failures")?.as_u64()).unwrap_or(0);
            let fails = (run as u64) < failures;
            if !fails {
                journal.lock().unwrap().push(event);
            }
            async move { if fails { Err(HandlerError::from("not yet")) } else { Ok(json!({ "run": run })) } }
        });
        Self { app: serve(router).await, handled, runs }
    }

    /// Takes nothing but Standard Webhooks.
    async fn strict(secret: &str) -> Self {
        Self::start(WebhookConfig::new(secret).unwrap().require_timestamp()).await
    }

    fn url(&self) -> String {
        format!("http://{}/webhook/auth", self.app.address)
    }

    fn handled(&self) -> Vec<UserEvent> {
        self.handled.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn request_has_event_headers_and_signs_sent_bytes() {
    let receiver = Receiver::start(|_| "thanks").await;
    let data = json!({ "nickname": "爱丽丝 🎉 e\u{301} \"\n" });
    let delivery = sender(receiver.url()).send("user.updated", &data).await.unwrap();
    assert_eq!((delivery.status.as_u16(), delivery.attempts), (200, 1));
    assert_eq!(delivery.answer, "thanks");

    let request = receiver.only();
    assert_eq!(request.uri.path(), "/webhook/auth");
    let body = "{\"event\":\"user.updated\",\"data\":{\"nickname\":\"爱丽丝 🎉 e\u{301} \\\"\\n\"}}";
    assert_eq!(request.body, body);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("x-webhook-event"), "user.updated");
    assert_eq!(request.header("webhook-id"), delivery.id);
    let signature = request.header("x-webhook-signature");
    assert!(webhook::verify_signature(&request.body, signature, &Secret::from(SECRET)), "{signature}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let sent: u64 = request.header("webhook-timestamp").parse().unwrap();
    assert!(now - 60 <= sent && sent <= now, "{sent}");
    let standard = request.header("webhook-signature");
    assert!(standard.starts_with("v1,") && standard.len() == 3 + 44, "{standard}");
    assert!(!request.headers.contains_key("authorization"));
}

#[tokio::test]
async fn each_event_gets_unique_id() {
    let receiver = Receiver::start(|_| ()).await;
    let sender = sender(receiver.url());
    let mut ids = vec![];
    for sender in [&sender, &sender, &sender.clone()] {
        ids.push(sender.send("user.login", &json!({ "id": 7 })).await.unwrap().id);
    }
    let received: Vec<_> =
        receiver.received().iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert_eq!(received, ids);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| id.starts_with("msg_") && id.len() == 36), "{ids:?}");
}

#[tokio::test]
async fn data_is_serialized_with_serde() {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct User<'a> {
        id: i64,
        updated_fields: &'a [&'a str],
    }

    let receiver = Receiver::start(|_| ()).await;
    let sender = sender(receiver.url());
    sender.send("user.updated", &User { id: -7, updated_fields: &["email"] }).await.unwrap();
    sender.send("user.init_sync_auth", &()).await.unwrap();
    sender.send("team.created", "研发").await.unwrap();
    sender.send("team.created", &[1, 2][..]).await.unwrap();
    let bodies: Vec<_> = receiver.received().iter().map(|got| got.body.clone()).collect();
    let expected = [
        r#"{"event":"user.updated","data":{"id":-7,"updatedFields":["email"]}}"#,
        r#"{"event":"user.init_sync_auth","data":null}"#,
        r#"{"event":"team.created","data":"研发"}"#,
        r#"{"event":"team.created","data":[1,2]}"#,
    ];
    assert_eq!(bodies, expected);
}

#[tokio::test]
async fn router_requiring_timestamp_accepts_event() {
    // A secret of one's own, one of Standard Webhooks, and one that is not ASCII.
    for secret in [SECRET, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "密钥密钥密钥"] {
        let endpoint = Endpoint::strict(secret).await;
        let sender = Sender::builder(endpoint.url(), secret).build().unwrap();
        let delivery = sender.send("user.deleted", &json!({ "username": "爱丽丝" })).await.unwrap();
        assert_eq!(delivery.answer, r#"{"run":0}"#);
        let [UserEvent::Deleted(user)] = &endpoint.handled()[..] else { panic!("{:?}", endpoint.handled()) };
        assert_eq!(user.username(), Some("爱丽丝"));
    }
}

#[tokio::test]
async fn retries_reuse_id_and_body() {
    let receiver =
        Receiver::start(|before| http::StatusCode::from_u16([500, 503, 200][before]).unwrap()).await;
    let delivery = sender(receiver.url()).send("user.login", &json!({ "id": 7 })).await.unwrap();
    assert_eq!(delivery.attempts, 3);
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    for attempt in &received {
        assert_eq!(attempt.header("webhook-id"), delivery.id);
        assert_eq!(attempt.body, received[0].body);
        assert_eq!(attempt.header("x-webhook-signature"), received[0].header("x-webhook-signature"));
    }
}

#[tokio::test]
async fn event_is_handled_once_after_failed_attempts() {
    let endpoint = Endpoint::strict(SECRET).await;
    let sender = sender(endpoint.url());
    let data = json!({ "id": 7, "failures": 2 });
    let delivery = sender.send("user.updated", &data).await.unwrap();
    assert_eq!((delivery.attempts, &*delivery.answer), (3, &br#"{"run":2}"#[..]));

    let again = sender.send_as(&delivery.id, "user.updated", &data).await.unwrap();
    let answer: Value = serde_json::from_slice(&again.answer).unwrap();
    assert_eq!((again.attempts, &answer["message"]), (1, &json!("handled before")));
    assert_eq!((endpoint.handled().len(), endpoint.runs.load(Ordering::SeqCst)), (1, 3));
}

#[tokio::test]
async fn events_are_deduplicated_by_id_not_content() {
    let endpoint = Endpoint::strict(SECRET).await;
    let sender = sender(endpoint.url());
    let data = json!({ "id": 7 });
    let longest = "i".repeat(256);
    for (id, handled) in
        [("order-1", 1), ("order-1", 1), ("order-2", 2), ("~", 3), (&longest, 4), (&longest, 4)]
    {
        let delivery = sender.send_as(id, "user.updated", &data).await.unwrap();
        assert_eq!((delivery.id.as_str(), endpoint.handled().len()), (id, handled));
    }
    for handled in [5, 6] {
        sender.send("user.updated", &data).await.unwrap();
        assert_eq!(endpoint.handled().len(), handled);
    }
}

#[tokio::test]
async fn rotated_secrets_are_both_accepted() {
    let old = "the old secret of the webhook";
    for (knows, takes) in [(SECRET, true), (old, true), ("a third secret, unknown", false)] {
        let endpoint = Endpoint::strict(knows).await;
        let sender = hasty(endpoint.url()).also_sign_with(old).build().unwrap();
        let sent = sender.send("user.updated", &json!({ "id": 7 })).await;
        assert_eq!(sent.is_ok(), takes, "{knows}");
        assert_eq!(endpoint.handled().len(), usize::from(takes), "{knows}");
    }
    // There is room for one signature only in the auth center's own header: the first secret's.
    let receiver = Receiver::start(|_| ()).await;
    let sender = hasty(receiver.url()).also_sign_with(old).build().unwrap();
    sender.send("user.updated", &json!({ "id": 7 })).await.unwrap();
    let request = receiver.only();
    let signature = request.header("x-webhook-signature");
    assert!(webhook::verify_signature(&request.body, signature, &Secret::from(SECRET)));
    assert_eq!(request.header("webhook-signature").split(' ').count(), 2);
}

#[tokio::test]
async fn invalid_id_or_event_name_is_not_sent() {
    let receiver = Receiver::start(|_| ()).await;
    let sender = sender(receiver.url());
    let too_long = "i".repeat(257);
    for (id, event) in [
        ("", "user.updated"),
        (&*too_long, "user.updated"),
        ("a b", "user.updated"),
        ("a\tb", "user.updated"),
        ("a\r\nx-admin: 1", "user.updated"),
        ("a\0", "user.updated"),
        ("编号", "user.updated"),
        ("id", "user.updated\n"),
        ("id", "user.updated\r\nx-admin: 1"),
        ("id", "user\0"),
        ("id", "\u{7f}"),
        ("id", "用户.更新"),
    ] {
        let undelivered = sender.send_as(id, event, &json!({ "id": 7 })).await.unwrap_err();
        assert_eq!(undelivered.kind(), DeliveryErrorKind::InvalidRequest, "{id:?} {event:?}");
        assert_eq!((undelivered.id(), undelivered.attempts()), (id, 0), "{id:?} {event:?}");
        assert!(!undelivered.may_succeed_later(), "{id:?} {event:?}");
        let expected = match id {
            "id" => "the event's name must be of visible ASCII characters",
            _ => "the id must be of 1 to 256 visible ASCII characters, without spaces",
        };
        assert!(undelivered.to_string().ends_with(expected), "{undelivered}");
    }
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn unserializable_data_is_not_sent() {
    struct Reluctant;
    impl Serialize for Reluctant {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom("I would rather not"))
        }
    }

    let receiver = Receiver::start(|_| ()).await;
    let sender = sender(receiver.url());
    let keys_that_are_no_strings = HashMap::from([((1, 2), 3)]);
    for (undelivered, source) in [
        (sender.send("x", &Reluctant).await.unwrap_err(), "I would rather not"),
        (sender.send("x", &keys_that_are_no_strings).await.unwrap_err(), "key must be a string"),
    ] {
        assert_eq!((undelivered.kind(), undelivered.attempts()), (DeliveryErrorKind::InvalidRequest, 0));
        assert_eq!(undelivered.source().unwrap().to_string(), source);
        assert!(undelivered.to_string().ends_with("the data cannot be written as JSON"), "{undelivered}");
    }
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn url_userinfo_becomes_basic_auth() {
    let receiver = Receiver::start(|_| ()).await;
    let url = receiver.url().replace("://", "://hook:p%40ss%20word@");
    sender(url).send("user.login", &json!({ "id": 7 })).await.unwrap();
    // "hook:p@ss word"
    assert_eq!(receiver.only().header("authorization"), "Basic aG9vazpwQHNzIHdvcmQ=");
}

#[test]
fn invalid_url_or_secret_fails_at_build() {
    let url = "https://user-2:hunter2@hook.example.com/path-2?query-2";
    let too_long = format!("{url}{}", "x".repeat(65_536));
    for (url, secret, complaint) in [
        ("", SECRET, "is not a URL"),
        (&too_long, SECRET, "cannot be sent in a request"),
        ("hunter2", SECRET, "has no scheme"),
        ("/hunter2", SECRET, "is not a URL"),
        ("https://", SECRET, "is not a URL"),
        ("https://user-2:hunter2@/", SECRET, "is not a URL"),
        ("https://user-2:hunter2@hook.example.com:port/", SECRET, "is not a URL"),
        ("hook.example.com:443", SECRET, "must start with https:// or http://"),
        ("ftp://user-2:hunter2@hook.example.com/path-2", SECRET, "must start with https:// or http://"),
        ("file:///path-2", SECRET, "must start with https:// or http://"),
        ("data:,hunter2", SECRET, "must start with https:// or http://"),
        (url, "", "has 0 bytes and needs at least 16"),
        (url, "secret-2", "has 8 bytes and needs at least 16"),
        (url, "whsec_secret-2", "not base64"),
        (url, "0123456789-secret-2\n", "starts or ends with white space"),
    ] {
        let error = Sender::builder(url, secret).build().unwrap_err();
        assert!(error.to_string().contains(complaint), "{url} {secret}: {error}");
        let shown = shown(&error);
        for secret in ["hunter2", "user-2", "path-2", "query-2", "secret-2"] {
            assert!(!shown.contains(secret), "{url}: {shown}");
        }
    }
    let second = Sender::builder(url, SECRET).also_sign_with("secret-2").build().unwrap_err();
    assert!(second.to_string().contains("has 8 bytes") && !shown(&second).contains("secret-2"), "{second:?}");
}

/// All that an error shows, down to its last cause.
fn shown(error: &(dyn Error + 'static)) -> String {
    let mut shown = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        shown += &format!("{error}\n{error:?}\n{error:#?}\n");
        next = error.source();
    }
    shown
}

#[tokio::test]
async fn secrets_and_url_details_are_hidden() {
    let log = Log::start();
    // Bound and not listening: the port stays taken, and connections are refused.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = nobody.local_addr().unwrap();
    let refusing = Receiver::start(|_| http::StatusCode::NOT_FOUND).await;
    let redirecting =
        Receiver::start(|_| (http::StatusCode::FOUND, [("location", "http://user-2@x/path-2")])).await;
    let broken = Counting::start(|_| async {}).await;
    let hosts = [nobody.to_string(), refusing.host(), redirecting.host(), broken.address.to_string()];
    let hidden = ["user-2", "hunter2", "path-2", "query-2", "fragment-2", SECRET, "a second secret, hidden"];
    for host in hosts {
        let url = format!("http://user-2:hunter2@{host}/path-2?query-2#fragment-2");
        let builder = hasty(url).also_sign_with("a second secret, hidden");
        let built = builder.clone().build().unwrap();
        let undelivered: DeliveryError = built.send("user.updated", &json!({ "id": 7 })).await.unwrap_err();
        assert!(format!("{built:?}").contains("127.0.0.1"), "{built:?}");
        let shown = format!("{builder:?}\n{built:?}\n{}\n{}", shown(&undelivered), log.take());
        for hidden in hidden {
            assert!(!shown.contains(hidden), "{hidden}: {shown}");
        }
        assert!(shown.contains(undelivered.id()), "{shown}");
    }
}
