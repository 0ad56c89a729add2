//! Ask, unless another replica of the service has asked.

#[cfg(feature = "redis")]
use super::source::is_rejection;
use super::source::{Fetch, Fetched};
use super::watched::AnswerFrom;
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::identity_cache::Key;
#[cfg(feature = "redis")]
use crate::upstream::shared_cache::{Shared, SharedCache, Turn};
use crate::util::clock::Millis;

/// What to ask about.
#[cfg_attr(not(feature = "redis"), allow(dead_code))]
pub(super) struct Question<Q> {
    pub(super) key: Key,
    pub(super) query: Q,
    pub(super) subject: Subject,
    /// That of the cache, from before.
    pub(super) epoch: u64,
    /// Whether a value is cached that is still valid.
    pub(super) is_refresh: bool,
}

/// An answer, and where it comes from.
pub(super) struct Answer<V> {
    pub(super) fetched: Fetched<V>,
    /// How long ago it was given.
    pub(super) age: Millis,
    pub(super) from: AnswerFrom,
}

impl<V> Answer<V> {
    fn to_call(fetched: Fetched<V>) -> Self {
        Self { fetched, age: 0, from: AnswerFrom::Call }
    }
}

/// Returns a value, and how long ago it was asked for.
pub(super) async fn ask<B: Fetch<Q>, Q>(
    backend: &B,
    question: Question<Q>,
) -> Result<Answer<B::Value>, CallError> {
    #[cfg(feature = "redis")]
    if let Some(shared) = backend.shared() {
        // Boxed, so that the futures of lookups stay small where nothing is shared: many wait in an outage.
        return Box::pin(ask_in_turn(backend, shared, question)).await;
    }
    backend.fetch(question.query, question.subject).await.map(Answer::to_call)
}

#[cfg(feature = "redis")]
async fn ask_in_turn<B: Fetch<Q>, Q>(
    backend: &B,
    shared: &SharedCache<B::Value>,
    question: Question<Q>,
) -> Result<Answer<B::Value>, CallError> {
    let Question { key, query, subject, epoch, is_refresh } = question;
    let (ticket, stale) = match shared.turn(key, subject.owner, is_refresh).await {
        Turn::Found(Shared { value, limit, age }) => {
            return Ok(Answer { fetched: Fetched { value, limit }, age, from: AnswerFrom::Replica });
        }
        Turn::Paused(error) => return Err(error),
        Turn::Ask(ticket, stale) => (ticket, stale),
    };
    let cache = backend.cache();
    let answer = ticket.ask(backend.fetch(query, subject)).await;
    match &answer {
        // Invalidated meanwhile: whoever waits asks anew.
        Ok(Fetched { value, .. }) if cache.is_invalidated(key, value, epoch) => ticket.released().await,
        Ok(Fetched { value, limit }) => ticket.verified(value, *limit).await,
        Err(CallError { error, .. }) if is_rejection(error) => ticket.rejected().await,
        Err(CallError { pause, .. }) => {
            ticket.failed(pause.unwrap_or_default()).await;
            // What another replica knew serves as what this one had known would: for as long.
            if let Some(Shared { value, limit, age }) = stale.filter(|_| cache.stale(key).is_none()) {
                cache.insert_aged(key, &value, limit, epoch, age, cache.clock().now());
            }
        }
    }
    answer.map(Answer::to_call)
}
