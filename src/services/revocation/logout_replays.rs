use std::fmt;
use std::time::Duration;

use super::list::RevokedList;
#[cfg(feature = "webhook")]
use crate::ports::replay_memory::{DynReplayMemory, ReplayMemoryError, ReplayTag};
use crate::util::clock::{Clock, millis};
use crate::verifiers::jwt::LogoutToken;

/// Which log-out tokens were applied, until they are no longer accepted.
pub(super) enum LogoutReplays {
    Here(Box<RevokedList>),
    #[cfg(feature = "webhook")]
    Shared(std::sync::Arc<dyn DynReplayMemory>),
}

/// A token that is applied for the first time. Unless it is [kept](Self::keep), it can be sent again: at once, or in a shared
/// memory in 10 s, for its request may be dropped at any time, and nothing can be released from there without waiting.
pub(super) enum Claim<'a> {
    Here(Held<'a>),
    #[cfg(feature = "webhook")]
    Shared(&'a dyn DynReplayMemory, ReplayTag),
}

/// Forgets a token when it is dropped.
pub(super) struct Held<'a> {
    list: &'a RevokedList,
    id: Option<String>,
}

impl LogoutReplays {
    const CAPACITY: usize = 100_000;
    /// Longer than it takes to apply a token. As long as a webhook's claim, which the port tells of.
    #[cfg(feature = "webhook")]
    const LEASE: Duration = Duration::from_secs(10);

    pub(super) fn here(clock: Clock) -> Self {
        Self::Here(Box::new(RevokedList::new(clock, Self::CAPACITY, vec![])))
    }

    /// Claims a token, which is accepted for this long. `None` if it has been applied.
    ///
    /// A memory that cannot be asked, or is full, claims it: to log out twice does no harm, and not at all does.
    pub(super) async fn claim(&self, token: &LogoutToken, ttl: Duration) -> Option<Claim<'_>> {
        match self {
            Self::Here(list) => {
                let id = format!("{} {}", token.issuer, token.jti);
                let is_new = list.claim(&id, list.clock().now().saturating_add(millis(ttl)));
                is_new.then(|| Claim::Here(Held { list, id: Some(id) }))
            }
            #[cfg(feature = "webhook")]
            Self::Shared(memory) => {
                let tag = tag(token);
                let claimed = in_time(memory.claim(tag, Self::LEASE)).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "cannot ask whether a log-out token was applied");
                    true
                });
                claimed.then_some(Claim::Shared(&**memory, tag))
            }
        }
    }
}

impl Claim<'_> {
    /// Remembers a token that was applied, for as long as it is accepted.
    #[cfg_attr(not(feature = "webhook"), expect(unused_variables))]
    pub(super) async fn keep(self, ttl: Duration) {
        match self {
            Self::Here(mut held) => drop(held.id.take()),
            #[cfg(feature = "webhook")]
            Self::Shared(memory, tag) => {
                if let Err(error) = in_time(memory.set(&[(tag, tag)], ttl)).await {
                    tracing::warn!(%error, "cannot remember a log-out token that was applied");
                }
            }
        }
    }

    /// Forgets a token that could not be applied.
    pub(super) async fn release(self) {
        match self {
            Self::Here(held) => drop(held),
            #[cfg(feature = "webhook")]
            Self::Shared(memory, tag) => {
                if let Err(error) = in_time(memory.release(tag)).await {
                    tracing::warn!(%error, "cannot forget a log-out token that was not applied");
                }
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            self.list.release(id);
        }
    }
}

/// A memory that hangs must not hold the answer up.
#[cfg(feature = "webhook")]
async fn in_time<T>(
    asking: impl Future<Output = Result<T, ReplayMemoryError>>,
) -> Result<T, ReplayMemoryError> {
    let timeout = Duration::from_secs(1);
    tokio::time::timeout(timeout, asking).await.unwrap_or_else(|_| Err("no answer within 1 s".into()))
}

#[cfg(feature = "webhook")]
fn tag(token: &LogoutToken) -> ReplayTag {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for part in ["logout", &token.issuer, &token.jti] {
        // With their lengths, so that no two lists of parts have the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    ReplayTag::new(hash.finalize().into())
}

impl fmt::Debug for LogoutReplays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here(_) => "Here",
            #[cfg(feature = "webhook")]
            Self::Shared(_) => "Shared",
        })
    }
}
