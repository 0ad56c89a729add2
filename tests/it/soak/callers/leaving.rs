//! Callers who do not wait for the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fastrand::Rng;
use test_support::http::parse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Question;
use crate::soak::handlers::DOWNLOAD;
use crate::soak::ledger::Bill;
use crate::soak::tally::Class;
use crate::soak::windows::Part;
use crate::soak::world::{World, known, token};

/// Has a connection end in order, or by a reset, when it is dropped.
fn leave(stream: &TcpStream, random: &mut Rng) {
    if random.bool() {
        stream.set_zero_linger().unwrap();
    }
}

/// Leaves while the service is at work, or before it has the whole request.
pub(super) async fn hang_up(world: Arc<World>, mut random: Rng) {
    loop {
        let many = world.resets.load(Ordering::Relaxed);
        for _ in 0..if many { 5 } else { 1 } {
            let token = token(&known(random.usize(..4)));
            let question = Question::new(Class::HangUp, random.usize(..2), "/slow", Some(&token));
            let (id, bytes) = question.bytes(&world);
            world.ledger.expect(&id, Bill::AtMostOnce);
            let sent = if random.u8(..4) == 0 { random.usize(1..bytes.len()) } else { bytes.len() };
            let Ok(mut stream) = TcpStream::connect(world.replicas[question.replica].address).await else {
                world.tally.wrong(Class::HangUp, "cannot connect");
                continue;
            };
            let written = stream.write_all(&bytes[..sent]).await;
            world.tally.count(Class::HangUp, if written.is_ok() { "left" } else { "broken" });
            tokio::time::sleep(Duration::from_millis(random.u64(..110))).await;
            leave(&stream, &mut random);
        }
        if !world.pause(&mut random, Duration::from_millis(250)).await {
            return;
        }
    }
}

/// Reads a long answer bit by bit: to its end, or until it has had enough.
pub(super) async fn read_slowly(world: Arc<World>, mut random: Rng) {
    let (parts, size) = DOWNLOAD;
    loop {
        let token = token(&known(random.usize(..4)));
        let question = Question::new(Class::SlowReader, random.usize(..2), "/download", Some(&token));
        let (id, bytes) = question.bytes(&world);
        let from = Instant::now();
        let enough = if random.bool() { usize::MAX } else { random.usize(..parts * size) };
        let read = async {
            let mut stream = TcpStream::connect(world.replicas[question.replica].address).await?;
            stream.write_all(&bytes).await?;
            let (mut answer, mut part) = (vec![], vec![0; size]);
            while answer.len() < enough {
                match stream.read(&mut part).await? {
                    0 => break,
                    len => answer.extend_from_slice(&part[..len]),
                }
                tokio::time::sleep(Duration::from_millis(random.u64(..30))).await;
            }
            leave(&stream, &mut random);
            Ok::<_, std::io::Error>(answer)
        };
        let answer = read.await;
        let is_whole = |answer: &[u8]| parse(answer).is_some_and(|it| it.body.len() == parts * size);
        let may_be_away = || world.windows.covers(Part::Everything, from, Instant::now());
        let (outcome, bill) = match &answer {
            Ok(answer) if answer.starts_with(b"HTTP/1.1 200") && enough < usize::MAX => ("left", Bill::Once),
            Ok(answer) if answer.starts_with(b"HTTP/1.1 200") && is_whole(answer) => ("200", Bill::Once),
            // As known users are.
            Ok(answer) if answer.starts_with(b"HTTP/1.1 503") && may_be_away() => ("503", Bill::Once),
            // Who leaves at once may not have been heard.
            Ok(answer) if answer.is_empty() && enough < usize::MAX => ("left", Bill::AtMostOnce),
            _ => ("wrong", Bill::AtMostOnce),
        };
        world.ledger.expect(&id, bill);
        world.tally.count(Class::SlowReader, outcome);
        if outcome == "wrong" {
            let start =
                answer.map(|answer| String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned());
            world.tally.wrong(Class::SlowReader, format!("{id}: {start:?}"));
        }
        if !world.pause(&mut random, Duration::from_millis(800)).await {
            return;
        }
    }
}
