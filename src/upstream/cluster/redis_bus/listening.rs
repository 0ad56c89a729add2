use std::time::{Duration, Instant};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::mpsc;

use super::history::History;
use super::id::Id;
use super::ledger::Ledger;
use super::message::Content;
use super::observe::{Identify, Observed, observe};
use super::proof::{Gap, Position, Pushed, Server};
use super::publisher::Publisher;
use super::state::State;
use crate::ports::invalidation_bus::BusListener;
use crate::upstream::redis_link::{Connection, LinkError};

/// Listens on one connection.
pub(super) struct Listening<'a> {
    state: &'a State,
    ledger: &'a Ledger,
    connection: &'a Connection,
    key: &'a str,
    listener: &'a dyn BusListener,
    identify: Identify,
    /// Whether a check has ended on this connection.
    has_checked: bool,
}

/// How often it is checked that nothing was missed.
const CHECK_EVERY: Duration = Duration::from_secs(1);

impl<'a> Listening<'a> {
    pub(super) fn new(
        state: &'a State,
        ledger: &'a Ledger,
        connection: &'a Connection,
        key: &'a str,
        number: u64,
        listener: &'a dyn BusListener,
    ) -> Self {
        Self {
            state,
            ledger,
            connection,
            key,
            listener,
            identify: Identify::ByInfo(number),
            has_checked: false,
        }
    }

    pub(super) async fn run(&mut self, pushes: &mut mpsc::Receiver<PushInfo>) -> Result<(), LinkError> {
        let mut subscribe = redis::cmd("SUBSCRIBE");
        self.connection.query::<Value>(subscribe.arg(self.key)).await?;
        // After the subscription, so that what is published from now on is pushed.
        if Publisher::is_full(self.connection, self.key).await? {
            // What was published meanwhile is not in the stream.
            *self.state.position() = None;
        }
        if self.state.is_stuck() {
            // Such as entries of a megabyte each, for which Redis closes the connection.
            tracing::debug!("what was missed cannot be read: forgetting everything");
            *self.state.position() = None;
        }
        let mut next_check = Instant::now();
        loop {
            if next_check <= Instant::now() {
                next_check = match self.check().await {
                    Ok(CheckAgain::Later) => Instant::now() + CHECK_EVERY,
                    // The connection is thrown away when this goes on.
                    Ok(CheckAgain::Now) | Err(LinkError::Late) => Instant::now(),
                    Err(error) => return Err(error),
                };
                continue;
            }
            match tokio::time::timeout_at(next_check.into(), pushes.recv()).await {
                Err(_) => {}
                Ok(None) => return Ok(()),
                Ok(Some(push)) => {
                    if self.heard(&push) == CheckAgain::Now {
                        next_check = Instant::now();
                    }
                }
            }
        }
    }

    /// Applies a message, and says whether the stream is to be read.
    fn heard(&self, push: &PushInfo) -> CheckAgain {
        let (PushKind::Message, [_, Value::BulkString(message)]) = (&push.kind, &push.data[..]) else {
            return CheckAgain::Later;
        };
        let (id, content) = Content::of_message(message);
        let pushed = match (self.state.position().as_mut(), id) {
            (Some(position), Some(id)) => Some(position.pushed(id)),
            // It proves nothing, or there is nothing to prove it of.
            _ => None,
        };
        if pushed != Some(Pushed::Known) {
            self.apply(id, &content);
        }
        if let (Some(Pushed::Next), Some(id)) = (pushed, id) {
            self.ledger.applied(id.number);
        }
        if pushed == Some(Pushed::Elsewhere) { CheckAgain::Now } else { CheckAgain::Later }
    }

    fn apply(&self, id: Option<Id>, content: &Content) {
        if let Some(invalidation) = content.invalidation() {
            self.ledger.heard(id.map(Id::parts), invalidation);
        }
        if let Some(invalidation) = content.of_others(self.state.publisher.origin) {
            self.listener.apply(invalidation);
        }
    }

    async fn check(&mut self) -> Result<CheckAgain, LinkError> {
        let sent = Instant::now();
        let observed = self.observe().await?;
        self.state.has_read();
        let is_first = !std::mem::replace(&mut self.has_checked, true);
        let Some(stream) = observed.stream.filter(|stream| !stream.is_unusable()) else {
            self.ledger.stop();
            let had_position = self.state.position().take().is_some();
            if had_position || is_first {
                tracing::debug!("no stream of invalidations: forgetting everything");
                self.listener.missed();
            }
            // Fails while Redis is full, or is a replica: then nothing can be proved.
            return match self.state.publisher.start_epoch(self.connection, self.key, observed.stream).await {
                Ok(()) => Ok(CheckAgain::Now),
                Err(LinkError::Full | LinkError::Refused(_)) => Ok(CheckAgain::Later),
                Err(error) => Err(error),
            };
        };
        let ids: Vec<_> = observed.entries.iter().map(|(id, _)| *id).collect();
        let proved = match self.state.position().as_mut() {
            Some(position) => position.advance(&observed.server, stream, &ids),
            None => Err(Gap::New),
        };
        match proved {
            Ok(()) => {
                observed.entries.iter().for_each(|(id, content)| self.apply(Some(*id), content));
                self.ledger.applied(stream.last.number);
            }
            Err(gap) => {
                tracing::debug!(?gap, "invalidations may have been missed: forgetting everything");
                self.ledger.stop();
                self.listener.missed();
                let position = Position::at_end(observed.server, stream);
                *self.state.position() = Some(position.clone());
                if let Some(horizon) = position.horizon() {
                    // Before the history, whose reading may be given up with the connection.
                    self.ledger.start(horizon, stream.last.number);
                    let history = History::read(self.connection, self.key, stream.last).await;
                    history.hand_in(self.ledger, stream.last);
                }
            }
        }
        self.state.publisher.note(stream);
        self.listener.in_touch(sent);
        match self.state.publisher.log_gap(self.connection, self.key).await {
            Ok(()) | Err(LinkError::Full | LinkError::Refused(_)) => Ok(CheckAgain::Later),
            Err(error) => Err(error),
        }
    }

    async fn observe(&mut self) -> Result<Observed, LinkError> {
        let after = self.state.position().as_ref().map(Position::last);
        let observed = observe(self.connection, self.key, after, self.identify).await?;
        if let Server::Behind(number) = observed.server {
            self.identify = Identify::ByConnection(number);
        }
        Ok(observed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CheckAgain {
    Now,
    Later,
}
