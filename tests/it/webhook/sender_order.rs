//! `webhook::Sender`: events of a user one after the other.

use std::time::Duration;

use aigc_auth::webhook::{DeliveryErrorKind, Sender};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::until;
use crate::webhook::receiver::{Receiver, hasty, status};

/// The user and the number of each request, in the order of arrival.
fn arrivals(receiver: &Receiver) -> Vec<(u64, u64)> {
    let number = |body: &[u8]| {
        let data = serde_json::from_slice::<serde_json::Value>(body).unwrap()["data"].clone();
        (data["id"].as_u64().unwrap(), data["number"].as_u64().unwrap())
    };
    receiver.received().iter().map(|received| number(&received.body)).collect()
}

#[tokio::test]
async fn order_of_user_is_kept_on_wish() {
    for is_kept in [false, true] {
        // The first attempt of all fails.
        let receiver = Receiver::start(|before| status(if before == 0 { 503 } else { 200 })).await;
        let builder = Sender::builder(receiver.url(), "the secret of the webhook");
        let builder = builder.backoff(Duration::from_millis(400));
        let sender = if is_kept { builder.in_order() } else { builder }.build().unwrap();
        let start = |id: u64, number: u64| {
            let (sender, data) = (sender.clone(), json!({ "id": id, "number": number }));
            tokio::spawn(async move { sender.send("user.updated", &data).await.unwrap() })
        };
        let first = start(7, 1);
        until("the first attempt fails", || receiver.received().len() == 1).await;
        let second = start(7, 2);
        let other = start(8, 1);
        other.await.unwrap();
        first.await.unwrap();
        second.await.unwrap();
        let of_7: Vec<_> = arrivals(&receiver).into_iter().filter(|(id, _)| *id == 7).collect();
        let expected = if is_kept { [(7, 1), (7, 1), (7, 2)] } else { [(7, 1), (7, 2), (7, 1)] };
        assert_eq!(of_7, expected, "kept: {is_kept}");
        let other_is_at = arrivals(&receiver).iter().position(|arrival| *arrival == (8, 1)).unwrap();
        assert!(other_is_at <= 2, "nobody waits for another user: {:?}", arrivals(&receiver));
    }
}

#[tokio::test]
async fn event_that_fails_for_good_lets_next_one_go() {
    let receiver = Receiver::start(|before| status([400, 503, 503, 503, 200, 200][before])).await;
    let sender = hasty(receiver.url()).in_order().build().unwrap();
    let send =
        async |number: u64| sender.send("user.updated", &json!({ "id": 7, "number": number })).await.is_ok();
    let outcomes = [send(1).await, send(2).await, send(3).await];
    assert_eq!(outcomes, [false, false, true]);
    // Events of no user are in no order, and no user's data is needed.
    sender.send("team.created", &json!([])).await.unwrap();
    assert_eq!(receiver.received().len(), 6);
}

/// An event that hangs holds the next one of its user up for so long only.
#[tokio::test]
async fn event_whose_turn_does_not_come_is_a_dead_letter() {
    let receiver = Receiver::start(|before| status(if before == 0 { 503 } else { 200 })).await;
    let (letters, mut undelivered) = mpsc::unbounded_channel();
    let sender = Sender::builder(receiver.url(), "the secret of the webhook")
        .backoff(Duration::from_secs(60))
        .in_order()
        .turn_timeout(Duration::from_millis(50))
        .on_dead_letter(move |letter| letters.send(letter).unwrap())
        .build()
        .unwrap();
    let send = |number: u64| {
        let (sender, data) = (sender.clone(), json!({ "id": 7, "number": number }));
        tokio::spawn(async move { sender.send("user.updated", &data).await })
    };
    let first = send(1);
    until("the first attempt fails", || receiver.received().len() == 1).await;
    let error = send(2).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (DeliveryErrorKind::TurnTimeout, 0));
    assert!(error.may_succeed_later() && error.to_string().contains("took too long"), "{error}");
    let letter = undelivered.try_recv().unwrap();
    assert_eq!((letter.data()["number"].as_u64(), letter.error.kind()), (Some(2), error.kind()));
    // The lane is free once the first one is given up.
    first.abort();
    assert!(first.await.is_err());
    send(3).await.unwrap().unwrap();
    assert_eq!(arrivals(&receiver), [(7, 1), (7, 3)]);
}
