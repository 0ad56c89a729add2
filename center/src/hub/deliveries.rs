use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aigc_auth::webhook::Sender;
use serde_json::Value;
use tokio::task::JoinSet;

use super::event::What;
use super::events::Events;

/// Webhooks on their way. Each is three attempts at the most, of 10 s each.
#[derive(Debug)]
pub(super) struct Deliveries {
    tasks: Mutex<JoinSet<()>>,
    events: Arc<Events>,
}

/// How much of a URL, a name and an answer is shown, in characters.
const NAME: usize = 200;
const ANSWER: usize = 1_000;

/// A registered webhook that wants an event.
struct Webhook {
    id: u64,
    url: String,
    secret: Option<String>,
}

impl Deliveries {
    /// A receiver that hangs must not fill the memory.
    const MAX: usize = 200;

    pub(super) fn new(events: Arc<Events>) -> Self {
        Self { tasks: Mutex::default(), events }
    }

    /// Sends an event to the webhooks that are registered for it.
    pub(super) fn send(&self, webhooks: &[Value], event: &'static str, username: &str, data: &Value) {
        for webhook in webhooks.iter().filter_map(|webhook| Webhook::of(webhook, event)) {
            let mut tasks = self.lock();
            while tasks.try_join_next().is_some() {}
            let events = Arc::clone(&self.events);
            let (username, data) = (shortened(username, NAME), data.clone());
            if tasks.len() < Self::MAX {
                tasks.spawn(async move { events.add(deliver(webhook, event, username, &data).await) });
            } else {
                let answer = format!("not sent: {} others are on their way", Self::MAX);
                events.add(failed(&webhook, event, username, 0, &answer, Duration::ZERO));
            }
        }
    }

    /// Waits until those on their way are delivered, at most this long.
    pub(super) async fn finish(&self, timeout: Duration) {
        let mut tasks = std::mem::take(&mut *self.lock());
        let _ = tokio::time::timeout(timeout, async { while tasks.join_next().await.is_some() {} }).await;
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Webhook {
    fn of(webhook: &Value, event: &str) -> Option<Self> {
        webhook["events"].as_array()?.iter().find(|wanted| *wanted == event)?;
        Some(Self {
            id: webhook["webhook_id"].as_u64()?,
            url: webhook["url"].as_str()?.to_owned(),
            secret: webhook["secret"].as_str().map(str::to_owned),
        })
    }
}

async fn deliver(webhook: Webhook, event: &'static str, username: String, data: &Value) -> What {
    let start = Instant::now();
    let Some(secret) = webhook.secret.clone() else {
        let answer = "not sent: the webhook was registered without a secret";
        return failed(&webhook, event, username, 0, answer, start.elapsed());
    };
    let sender = match Sender::builder(&*webhook.url, secret).build() {
        Ok(sender) => sender,
        Err(error) => {
            return failed(&webhook, event, username, 0, &format!("not sent: {error}"), start.elapsed());
        }
    };
    match sender.send(event, data).await {
        Ok(delivery) => What::Webhook {
            webhook_id: webhook.id,
            url: shortened(&webhook.url, NAME),
            event,
            username,
            is_delivered: true,
            status: Some(delivery.status.as_u16()),
            attempts: delivery.attempts,
            answer: shortened(&String::from_utf8_lossy(&delivery.answer), ANSWER),
            latency_ms: start.elapsed().as_secs_f64() * 1000.0,
        },
        Err(error) => {
            failed(&webhook, event, username, error.attempts(), &error.to_string(), start.elapsed())
        }
    }
}

fn failed(
    webhook: &Webhook,
    event: &'static str,
    username: String,
    attempts: u32,
    answer: &str,
    latency: Duration,
) -> What {
    What::Webhook {
        webhook_id: webhook.id,
        url: shortened(&webhook.url, NAME),
        event,
        username,
        is_delivered: false,
        status: None,
        attempts,
        answer: shortened(answer, ANSWER),
        latency_ms: latency.as_secs_f64() * 1000.0,
    }
}

/// Cuts a text to what is worth showing.
fn shortened(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
