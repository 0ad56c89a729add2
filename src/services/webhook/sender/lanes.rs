use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Lets the events of one user go one after another, in the order in which they came; those of others do not wait.
#[derive(Default)]
pub(super) struct Lanes(Arc<Mutex<HashMap<String, Arc<Turn<()>>>>>);

/// A place in a lane, from the time when it is waited for. The last one removes the lane.
pub(super) struct Place {
    lanes: Arc<Mutex<HashMap<String, Arc<Turn<()>>>>>,
    user: String,
    /// `None` in `drop` only.
    turn: Option<Arc<Turn<()>>>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Lanes {
    /// Waits until the earlier events of this user have come to an end.
    pub(super) async fn enter(&self, user: String) -> Place {
        let turn = lock(&self.0).entry(user.clone()).or_default().clone();
        // Made before the wait: whoever drops the future leaves the lane, too.
        let mut place = Place { lanes: self.0.clone(), user, turn: Some(turn.clone()), held: None };
        // Fair: whoever waits longest is next.
        place.held = Some(turn.lock_owned().await);
        place
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.held.take());
        drop(self.turn.take());
        let mut lanes = lock(&self.lanes);
        // Under the lock nobody takes another share of it.
        if lanes.get(&self.user).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            lanes.remove(&self.user);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use super::*;

    /// Polls once.
    async fn is_waiting(place: impl Future<Output = Place>) -> bool {
        tokio::time::timeout(Duration::ZERO, place).await.is_err()
    }

    #[tokio::test]
    async fn user_waits_for_own_events_only_and_lanes_are_removed() {
        let lanes = Lanes::default();
        let first = lanes.enter("ann".to_owned()).await;
        {
            let mut second = pin!(lanes.enter("ann".to_owned()));
            let mut third = Box::pin(lanes.enter("ann".to_owned()));
            assert!(is_waiting(&mut second).await && is_waiting(&mut third).await);
            drop(lanes.enter("bob".to_owned()).await);
            assert_eq!(lanes.len(), 1);
            // Whoever gives up holds nobody up.
            drop(third);
            drop(first);
            let second = second.await;
            let mut fourth = pin!(lanes.enter("ann".to_owned()));
            assert!(is_waiting(&mut fourth).await);
            drop(second);
            drop(fourth.await);
        }
        assert_eq!(lanes.len(), 0);
    }
}
