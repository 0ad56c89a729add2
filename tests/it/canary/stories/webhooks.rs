//! Events that come and go, signed well and badly.

use std::time::Duration;

use aigc_auth::webhook::{self, InMemoryReplays, Sender, SignedBody, Subscription, UserEvent, WebhookConfig};
use aigc_auth::{AuthClient, Secret};
use serde_json::json;
use test_support::process::Directory;

use crate::canary::echo::{Echo, MODES, Mode};
use crate::canary::flight::{FILES, Flight};
use crate::support::{Canned, post, serve};

pub(super) async fn story(flight: &Flight) {
    endpoint(flight).await;
    sender(flight).await;
    subscription(flight).await;
}

fn event(flight: &Flight) -> String {
    json!({
        "event": "user.updated",
        "data": {
            "id": 7, "username": "carol", "email": flight.secret("e-mail"), "phone": flight.secret("phone"),
            "nickname": flight.secret("nickname"), "homeAddress": { "street": flight.secret("address") },
            "note": flight.secret("event field"), "updatedFields": ["email"],
        },
    })
    .to_string()
}

async fn endpoint(flight: &Flight) {
    let secret = flight.secret("webhook secret");
    let second = flight.secret("second webhook secret");
    let replays = InMemoryReplays::new();
    flight.show(&replays);
    let config = WebhookConfig::new(&*secret).unwrap().also_accept(&*second).unwrap();
    let config = config.observer(flight.clone()).replay_memory(replays);
    flight.show(&config);
    let shown = flight.clone();
    let handler = move |event: UserEvent| {
        shown.show(&event);
        if let Some(user) = event.user() {
            shown.show(user);
        }
        async move {
            match event.user().and_then(|user| user.username().map(str::to_owned)).as_deref() {
                Some("panics") => panic!("in a handler"),
                Some("fails") => Err("it failed"),
                _ => Ok(json!({ "run": 1 })),
            }
        }
    };
    let app = serve(webhook::router(config, handler)).await;
    let good = event(flight);
    let word = flight.secret("event field");
    for body in [
        good.clone(),
        good.clone(),
        good.replace("carol", "panics"),
        good.replace("carol", "fails"),
        good.replace("user.updated", "team.created"),
        good.replace("\"id\":7", &format!("\"id\":[\"{word}\"]")),
        format!("{{\"event\": \"{word}"),
        json!([word]).to_string(),
        word.clone(),
    ] {
        flight.show(&SignedBody(body.clone().into()));
        flight.outcome(UserEvent::from_json(body.as_bytes()));
        for key in [&secret, &second, &word] {
            let signature = webhook::sign(body.as_bytes(), &Secret::from(&**key));
            let bytes: Vec<u8> = (0..signature.len() / 2)
                .filter_map(|at| u8::from_str_radix(&signature[2 * at..2 * at + 2], 16).ok())
                .collect();
            flight.secret_bytes("webhook signature", &bytes);
            for headers in [
                vec![("x-webhook-signature", signature.clone())],
                vec![("x-webhook-signature", format!("sha256={signature}x"))],
                vec![
                    ("webhook-id", word.clone()),
                    ("webhook-timestamp", word.clone()),
                    ("webhook-signature", format!("v1,{signature}")),
                ],
                vec![("x-webhook-signature", key.clone())],
            ] {
                // A handler that panics may leave without an answer.
                flight.answer(&post(app.address, "/webhook/auth", &headers, &body).await);
            }
        }
    }
}

async fn sender(flight: &Flight) {
    let echo = Echo::start().await;
    let data = json!({ "id": 7, "email": flight.secret("e-mail"), "note": flight.secret("event field") });
    let port = echo.url().replace("http://", "");
    let places = MODES.map(|mode| (Some(mode), port.clone())).into_iter();
    for (mode, host) in
        places.chain([(None, "127.0.0.1:1".to_owned()), (None, "no-such-host.invalid".to_owned())])
    {
        echo.say(mode.unwrap_or(Mode::Page(200)));
        let url = format!(
            "http://me:{}@{host}/hook?token={}",
            flight.secret("URL password"),
            flight.secret("URL query")
        );
        let letters = flight.clone();
        let builder = Sender::builder(&*url, flight.secret("webhook secret"))
            .also_sign_with(flight.secret("second webhook secret"))
            .timeout(Duration::from_millis(200))
            .attempts(1)
            .on_dead_letter(move |letter| letters.show(&letter));
        flight.show(&builder);
        let sender = flight.outcome(builder.build()).unwrap();
        flight.outcome(sender.send("user.updated", &data).await);
    }
}

async fn subscription(flight: &Flight) {
    let secret = flight.secret("webhook secret");
    let url = format!(
        "https://me:{}@a.example/hook?token={}",
        flight.secret("URL password"),
        flight.secret("URL query")
    );
    let directory = Directory::new("canary-subscription");
    let file = directory.0.join("subscription.json");
    let said = json!({ "code": 0, "message": "", "data": { "webhookId": 7, "secret": secret } });
    let center = Canned::start(move |_, _| said.clone()).await;
    let app_secret = flight.secret("app secret");
    let client = AuthClient::builder("canary-app", &*app_secret, format!("http://{}", center.address))
        .build()
        .unwrap();
    let builder = Subscription::builder(&client, &*url, &*secret).state_file(&file);
    flight.show(&builder);
    let subscription = flight.outcome(builder.start()).unwrap();
    flight.outcome(subscription.settled().await);
    flight.put(FILES, std::fs::read(&file).unwrap());
    flight.outcome(subscription.shutdown(Duration::from_secs(5)).await);
    let echo = Echo::start().await;
    for mode in [Mode::Page(400), Mode::NotJson, Mode::WrongShape, MODES[0], MODES[9], MODES[10]] {
        echo.say(mode);
        let client = echo.client(&app_secret).build().unwrap();
        let subscription =
            Subscription::builder(&client, "https://a.example/hook", &*secret).start().unwrap();
        let settled = tokio::time::timeout(Duration::from_millis(300), subscription.settled()).await;
        if let Ok(outcome) = settled {
            flight.outcome(outcome.map(|_| ()));
        }
        flight.show(&subscription);
    }
}
