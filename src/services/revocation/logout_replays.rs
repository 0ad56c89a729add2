use std::fmt;
use std::time::Duration;

use super::list::RevokedList;
#[cfg(feature = "webhook")]
use crate::ports::replay_memory::{DynReplayMemory, ReplayMemoryError, ReplayTag};
use crate::util::clock::{Clock, millis};
use crate::verifiers::jwt::LogoutToken;

/// Which log-out tokens were applied, until they expire.
pub(super) enum LogoutReplays {
    Here(Box<RevokedList>),
    #[cfg(feature = "webhook")]
    Shared(std::sync::Arc<dyn DynReplayMemory>),
}

/// Of a token that is applied for the first time.
pub(super) enum Claim {
    Here(String),
    #[cfg(feature = "webhook")]
    Shared(ReplayTag),
}

impl LogoutReplays {
    const CAPACITY: usize = 100_000;

    pub(super) fn here(clock: Clock) -> Self {
        Self::Here(Box::new(RevokedList::new(clock, Self::CAPACITY, vec![])))
    }

    /// Claims a token. `None` if it has been applied.
    ///
    /// A memory that cannot be asked, or is full, claims it: to log out twice does no harm, and not at all does.
    pub(super) async fn claim(&self, token: &LogoutToken, ttl: Duration) -> Option<Claim> {
        match self {
            Self::Here(list) => {
                let id = format!("{} {}", token.issuer, token.jti);
                list.claim(&id, list.clock().now().saturating_add(millis(ttl))).then_some(Claim::Here(id))
            }
            #[cfg(feature = "webhook")]
            Self::Shared(memory) => {
                let tag = tag(token);
                let claimed = in_time(memory.claim(tag, ttl)).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "cannot ask whether a log-out token was applied");
                    true
                });
                claimed.then_some(Claim::Shared(tag))
            }
        }
    }

    /// Forgets a token that could not be applied, so that it can be sent again.
    pub(super) async fn release(&self, claim: Claim) {
        match (self, claim) {
            (Self::Here(list), Claim::Here(id)) => list.release(&id),
            #[cfg(feature = "webhook")]
            (Self::Shared(memory), Claim::Shared(tag)) => {
                if let Err(error) = in_time(memory.release(tag)).await {
                    tracing::warn!(%error, "cannot forget a log-out token that was not applied");
                }
            }
            #[cfg(feature = "webhook")]
            _ => {}
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
