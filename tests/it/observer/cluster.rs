use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aigc_auth::AuthClient;
use aigc_auth::cluster::{BusError, BusListener, Cluster, InvalidationBus};
use aigc_auth::invalidate::{Invalidate, Invalidation};
use tokio::sync::broadcast;

use super::support::Notes;
use crate::support::until;

/// Replicas in one process, until it is cut.
#[derive(Clone)]
struct Local {
    messages: broadcast::Sender<Invalidation>,
    is_cut: Arc<AtomicBool>,
}

impl InvalidationBus for Local {
    async fn publish(&self, invalidation: &Invalidation) -> Result<(), BusError> {
        if self.is_cut.load(Ordering::SeqCst) {
            return Err("cut".into());
        }
        let _ = self.messages.send(invalidation.clone());
        Ok(())
    }

    async fn listen(&self, listener: &dyn BusListener) -> BusError {
        let mut messages = self.messages.subscribe();
        listener.missed();
        loop {
            if self.is_cut.load(Ordering::SeqCst) {
                return "cut".into();
            }
            listener.in_touch(Instant::now());
            if let Ok(Ok(invalidation)) =
                tokio::time::timeout(Duration::from_millis(50), messages.recv()).await
            {
                listener.apply(&invalidation);
            }
        }
    }
}

#[tokio::test]
async fn replica_tells_what_it_sends_and_hears_and_when_it_is_alone() {
    let bus = Local { messages: broadcast::channel(16).0, is_cut: Arc::default() };
    let notes = [Notes::default(), Notes::default()];
    let clusters = [Cluster::new(bus.clone()).unwrap(), Cluster::new(bus.clone()).unwrap()];
    let clients: Vec<_> = clusters
        .iter()
        .zip(&notes)
        .map(|(cluster, notes)| {
            let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").cluster(cluster.clone());
            client.observer(notes.clone()).build().unwrap()
        })
        .collect();
    let has = |notes: &Notes, line: &str| notes.has(line);
    for notes in &notes {
        until("both are in touch", || has(notes, "cluster joined 0")).await;
    }
    clients[0].invalidate_user(7);
    clients[0].spread().await.unwrap();
    until("it was sent", || has(&notes[0], "cluster sent 1")).await;
    until("it was heard", || has(&notes[1], "cluster received 1")).await;
    assert!(!has(&notes[1], "cluster sent 1"), "what one hears is not sent again");

    bus.is_cut.store(true, Ordering::SeqCst);
    clients[0].invalidate_user(8);
    until("it could not be sent", || has(&notes[0], "cluster send_failed 1")).await;
    until("out of touch", || has(&notes[1], "cluster separated 0")).await;
    notes.iter().for_each(|notes| drop(notes.take()));
    bus.is_cut.store(false, Ordering::SeqCst);
    until("in touch again", || has(&notes[1], "cluster joined 0")).await;
    until("it is sent later", || has(&notes[0], "cluster sent 1")).await;
    assert!(has(&notes[1], "cluster missed 0"));
}

/// Of a replica that has said nothing, nobody would know that it is alone.
#[tokio::test]
async fn replica_that_was_never_in_touch_says_so() {
    let bus = Local { messages: broadcast::channel(16).0, is_cut: Arc::new(AtomicBool::new(true)) };
    let notes = Notes::default();
    let cluster = Cluster::new(bus.clone()).unwrap();
    let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").cluster(cluster);
    let _client = client.observer(notes.clone()).build().unwrap();
    until("it is alone", || notes.has("cluster separated 0")).await;
    bus.is_cut.store(false, Ordering::SeqCst);
    until("it is in touch", || notes.has("cluster joined 0")).await;
    assert_eq!(notes.lines_of("cluster separated"), ["cluster separated 0"]);
}
