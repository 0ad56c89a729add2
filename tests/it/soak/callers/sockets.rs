//! Sockets, which end with their token.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use fastrand::Rng;
use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::ledger::Bill;
use crate::soak::tally::Class;
use crate::soak::windows::Part;
use crate::soak::world::{World, known};

/// A token's end is noticed within half a second. The center tells it in whole seconds, so that it may accept the token once more, and
/// is asked again after 5 s. A call has a timeout; and a machine may be busy.
const LATE: Duration = Duration::from_secs(9);

pub(super) async fn open(world: Arc<World>, mut random: Rng) {
    loop {
        let number = world.number();
        let (token, id) = (format!("token-of-socket-{number}"), format!("Socket-{number}"));
        // The center's dates have whole seconds, and it may be asked at the beginning of one.
        let lives = Duration::from_secs(random.u64(3..6));
        let (now, from) = (SystemTime::now(), Instant::now());
        world.center.add_token_expiring(&token, known(random.usize(..4)), now + lives);
        let address = world.replicas[random.usize(..2)].address;
        let mut request = format!("ws://{address}/socket").into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request.headers_mut().insert("x-request-id", id.parse().unwrap());
        let opening = async {
            let stream = TcpStream::connect(address).await.map_err(Error::Io)?;
            client_async(request, stream).await
        };
        let (outcome, bill) = match timeout(Duration::from_secs(20), opening).await {
            Err(_) => ("late".to_owned(), Bill::AtMostOnce),
            Ok(Ok((socket, _))) => (wait(socket, from + lives).await, Bill::Once),
            Ok(Err(Error::Http(answer))) => (answer.status().as_u16().to_string(), Bill::Once),
            Ok(Err(error)) => (error.to_string(), Bill::AtMostOnce),
        };
        let is_away = outcome == "503" && world.windows.covers(Part::Center, from, Instant::now());
        if outcome != "ended in time" && !is_away {
            world.tally.wrong(Class::Socket, format!("{id}, for {lives:?}: {outcome}"));
        }
        world.ledger.expect(&id, bill);
        world.tally.count(Class::Socket, outcome);
        if !world.pause(&mut random, Duration::from_millis(400)).await {
            return;
        }
    }
}

/// Waits until the service closes the socket, which should be about then.
async fn wait(mut socket: tokio_tungstenite::WebSocketStream<TcpStream>, ends: Instant) -> String {
    let message = timeout(ends + LATE - Instant::now(), socket.next()).await;
    let early = Instant::now() + Duration::from_millis(1_500) < ends;
    match message {
        Err(_) => "open for too long".to_owned(),
        Ok(Some(Ok(Message::Close(Some(frame))))) if u16::from(frame.code) == 1008 => {
            if early { "ended too early" } else { "ended in time" }.to_owned()
        }
        Ok(other) => format!("{other:?}"),
    }
}
