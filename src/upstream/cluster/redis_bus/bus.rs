use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::PushInfo;
use tokio::sync::mpsc;

use super::id::Id;
use super::listening::Listening;
use super::state::State;
use super::store::RedisStore;
use crate::ports::invalidation::Invalidation;
use crate::ports::invalidation_bus::{BusError, BusListener, InvalidationBus};
use crate::types::error::BuildError;
use crate::upstream::redis_link::{Connection, Dialer, LinkConfig, LinkError, RedisAddress, Session};

/// Carries invalidations: a stream for the proof, a channel for speed.
pub(super) struct RedisBus {
    dialer: Dialer,
    store: Arc<RedisStore>,
    state: State,
    /// How many connections have listened.
    connections: AtomicU64,
}

/// What the stream and the channel are called.
const NAME: &str = "inv";

impl RedisBus {
    pub(super) fn new(address: &RedisAddress, store: Arc<RedisStore>) -> Result<Self, BuildError> {
        Ok(Self {
            dialer: Dialer::new(address, LinkConfig::PUSHES)?,
            store,
            state: State::new(),
            connections: AtomicU64::new(0),
        })
    }
}

impl InvalidationBus for RedisBus {
    async fn publish(&self, invalidation: &Invalidation) -> Result<(), BusError> {
        let key = self.store.named().await.key(NAME);
        let connection = self.store.calls.connection()?;
        let id = self.state.publisher.publish(&connection, &key, invalidation).await?;
        self.store.ledger.heard(id.map(Id::parts), invalidation);
        Ok(())
    }

    async fn listen(&self, listener: &dyn BusListener) -> BusError {
        self.dialer.visit(&Visit { bus: self, listener }, |_| ()).await.into()
    }
}

/// The bus, while somebody listens.
struct Visit<'a> {
    bus: &'a RedisBus,
    listener: &'a dyn BusListener,
}

impl Session for Visit<'_> {
    async fn run(&self, connection: &Connection, pushes: &mut mpsc::Receiver<PushInfo>) -> LinkError {
        let key = self.bus.store.named().await.key(NAME);
        let number = self.bus.connections.fetch_add(1, Ordering::Relaxed);
        let mut listening =
            Listening::new(&self.bus.state, &self.bus.store.ledger, connection, &key, number, self.listener);
        match listening.run(pushes).await {
            Ok(()) => LinkError::Down,
            Err(error) => error,
        }
    }

    fn lost(&self) {}
}
