//! Single flight: one task per key, shared by all callers, which outlives the caller that started it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::sync::{AbortHandle, Handle, Mutex, MutexGuard};

/// The tasks in flight, by key. Dropping this aborts them.
pub(crate) struct SingleFlight<K, V> {
    map: Arc<Mutex<HashMap<K, Flight<V>>>>,
    limit: usize,
}

struct Flight<V> {
    answer: watch::Receiver<Option<V>>,
    /// `None` between the insertion and the spawn.
    task: Option<AbortHandle>,
}

/// Why a flight has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FlightError {
    /// The limit of flights is reached.
    AtCapacity,
    /// The task panicked, or its runtime was shut down.
    Cancelled,
}

impl<K, V> SingleFlight<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(limit: usize) -> Self {
        Self { map: Arc::default(), limit }
    }

    /// Waits for the answer of the flight of this key; starts it by `task` unless it is in flight.
    #[cfg(any(feature = "jwt", feature = "user-sync", feature = "webhook"))]
    pub(crate) async fn join<F>(&self, key: K, task: impl FnOnce() -> F) -> Result<V, FlightError>
    where
        F: Future<Output = V> + Send + 'static,
    {
        landed(self.start(key, || Ok(task()))?).await
    }

    /// Does the same, but gives the flight up after `patience`, in which it ends unless nobody drives its runtime, which may
    /// be that of another caller. The next caller then starts it anew.
    pub(crate) async fn join_within<F>(
        &self,
        patience: Duration,
        key: K,
        task: impl FnOnce() -> Result<F, FlightError>,
    ) -> Result<V, FlightError>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let answer = self.start(key.clone(), task)?;
        match tokio::time::timeout(patience, landed(answer.clone())).await {
            Ok(landed) => landed,
            Err(_) => {
                self.give_up(&key, &answer);
                Err(FlightError::Cancelled)
            }
        }
    }

    fn give_up(&self, key: &K, answer: &watch::Receiver<Option<V>>) {
        let mut map = lock(&self.map);
        let is_this = map.get(key).is_some_and(|flight| flight.answer.same_channel(answer));
        let flight = is_this.then(|| map.remove(key)).flatten();
        drop(map);
        if let Some(task) = flight.and_then(|flight| flight.task) {
            task.abort();
        }
    }

    /// Starts the flight of this key unless it is in flight, without waiting for its answer. Starts none if `task` fails.
    pub(crate) fn start<F>(
        &self,
        key: K,
        task: impl FnOnce() -> Result<F, FlightError>,
    ) -> Result<watch::Receiver<Option<V>>, FlightError>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut map = lock(&self.map);
        if let Some(flight) = map.get(&key) {
            return Ok(flight.answer.clone());
        }
        if map.len() >= self.limit {
            return Err(FlightError::AtCapacity);
        }
        let runtime = Handle::try_current().map_err(|_| FlightError::Cancelled)?;
        // Before others can see the flight: they would wait for one that does not start.
        let future = task()?;
        let (sender, answer) = watch::channel(None);
        map.insert(key.clone(), Flight { answer: answer.clone(), task: None });
        // A runtime that is shutting down drops the future at once, and with it the landing, which takes the lock.
        drop(map);
        let landing = Landing { map: self.map.clone(), key: key.clone(), answer: answer.clone() };
        let task = runtime.spawn(async move {
            let value = future.await;
            // From here on, callers find the answer in the cache.
            drop(landing);
            let _ = sender.send(Some(value));
        });
        if let Entry::Occupied(mut flight) = lock(&self.map).entry(key)
            && flight.get().answer.same_channel(&answer)
        {
            flight.get_mut().task = Some(task.abort_handle());
        }
        Ok(answer)
    }
}

async fn landed<V: Clone>(mut answer: watch::Receiver<Option<V>>) -> Result<V, FlightError> {
    let answer = answer.wait_for(Option::is_some).await.map_err(|_| FlightError::Cancelled)?;
    answer.clone().ok_or(FlightError::Cancelled)
}

impl<K, V> SingleFlight<K, V> {
    /// Aborts all flights. Returns how many there were.
    pub(crate) fn abort(&self) -> usize {
        let flights: Vec<_> = lock(&self.map).drain().collect();
        for task in flights.iter().filter_map(|(_, flight)| flight.task.as_ref()) {
            task.abort();
        }
        flights.len()
    }

    /// Waits until nothing is in flight.
    #[cfg(feature = "user-sync")]
    pub(crate) async fn landed(&self) {
        loop {
            let next = lock(&self.map).values().next().map(|flight| flight.answer.clone());
            let Some(mut answer) = next else { return };
            // A flight has ended when its sender is dropped.
            while answer.changed().await.is_ok() {}
        }
    }

    /// Returns how many keys are in flight.
    pub(crate) fn len(&self) -> usize {
        lock(&self.map).len()
    }

    /// Returns whether this key is in flight.
    pub(crate) fn contains(&self, key: &K) -> bool
    where
        K: Eq + Hash,
    {
        lock(&self.map).contains_key(key)
    }
}

impl<K, V> Drop for SingleFlight<K, V> {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Removes a flight from the map when its task ends, also by a panic.
struct Landing<K: Eq + Hash, V> {
    map: Arc<Mutex<HashMap<K, Flight<V>>>>,
    key: K,
    answer: watch::Receiver<Option<V>>,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut map = lock(&self.map);
        // After an abort, another flight may have started under this key.
        let is_this = map.get(&self.key).is_some_and(|flight| flight.answer.same_channel(&self.answer));
        let flight = is_this.then(|| map.remove(&self.key));
        drop(map);
        drop(flight);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    /// A task that waits for a signal, and how often it was started.
    struct Slow {
        started: Arc<AtomicUsize>,
        go: Arc<Semaphore>,
    }

    impl Slow {
        fn new() -> Self {
            Self { started: Arc::default(), go: Arc::new(Semaphore::new(0)) }
        }

        fn task(&self) -> impl Future<Output = usize> + Send + 'static {
            let (started, go) = (self.started.clone(), self.go.clone());
            async move {
                let n = started.fetch_add(1, Ordering::SeqCst);
                go.acquire().await.unwrap().forget();
                n
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn thousand_callers_share_one_task() {
        let (flights, slow) = (SingleFlight::new(10), Slow::new());
        let all = join_all((0..1000).map(|_| flights.join(1, || slow.task())));
        let (answers, ()) = tokio::join!(all, async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            slow.go.add_permits(1);
        });
        assert!(answers.iter().all(|answer| *answer == Ok(0)));
        assert_eq!(slow.started.load(Ordering::SeqCst), 1);
        assert!(lock(&flights.map).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn task_outlives_its_callers() {
        let (flights, slow) = (SingleFlight::new(10), Slow::new());
        for _ in 0..40 {
            let short = timeout(Duration::from_millis(10), flights.join(1, || slow.task()));
            assert!(short.await.is_err());
        }
        slow.go.add_permits(1);
        assert_eq!(flights.join(1, || slow.task()).await, Ok(0));
        assert_eq!(slow.started.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn panic_cancels_all_callers_and_the_next_starts_anew() {
        let flights: SingleFlight<i32, i32> = SingleFlight::new(10);
        let panics = || async {
            tokio::task::yield_now().await;
            panic!("in the task")
        };
        let answers = join_all((0..10).map(|_| flights.join(1, panics))).await;
        assert!(answers.iter().all(|answer| *answer == Err(FlightError::Cancelled)));
        assert_eq!(flights.join(1, || async { 7 }).await, Ok(7));
    }

    /// A task on a runtime that nobody drives, such as one whose `block_on` has ended: another caller starts its own.
    #[test]
    fn flight_that_stands_still_is_given_up() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (still, live) = (runtime(), runtime());
        let flights = SingleFlight::new(10);
        still.block_on(async {
            drop(flights.start(1, || Ok(async { 0 })).unwrap());
        });
        let patience = Duration::from_millis(50);
        let first = live.block_on(flights.join_within(patience, 1, || Ok(async { 1 })));
        assert_eq!(first, Err(FlightError::Cancelled), "the one that stands still");
        assert_eq!(live.block_on(flights.join_within(patience, 1, || Ok(async { 2 }))), Ok(2));
        drop(still);
        assert!(lock(&flights.map).is_empty());
    }

    #[tokio::test]
    async fn task_that_fails_to_start_leaves_no_flight() {
        let flights: SingleFlight<i32, i32> = SingleFlight::new(10);
        let none = || Err::<std::future::Ready<i32>, _>(FlightError::AtCapacity);
        let patience = Duration::from_secs(1);
        assert_eq!(flights.join_within(patience, 1, none).await, Err(FlightError::AtCapacity));
        assert!(lock(&flights.map).is_empty());
        assert_eq!(flights.join_within(patience, 1, || Ok(async { 7 })).await, Ok(7));
    }

    #[tokio::test]
    async fn limit_applies_to_new_keys_only() {
        let (flights, slow) = (SingleFlight::new(2), Slow::new());
        let _one = flights.start(1, || Ok(slow.task())).unwrap();
        let _two = flights.start(2, || Ok(slow.task())).unwrap();
        assert_eq!(flights.join(3, || slow.task()).await, Err(FlightError::AtCapacity));
        assert!(flights.start(2, || Ok(slow.task())).is_ok(), "to join costs nothing");
    }

    #[tokio::test]
    async fn aborted_flight_leaves_its_successor() {
        let (flights, slow) = (SingleFlight::new(10), Slow::new());
        let mut first = flights.start(1, || Ok(slow.task())).unwrap();
        tokio::task::yield_now().await;
        assert_eq!(flights.abort(), 1);
        let mut second = flights.start(1, || Ok(slow.task())).unwrap();
        assert!(first.wait_for(Option::is_some).await.is_err());
        assert!(second.same_channel(&flights.start(1, || Ok(slow.task())).unwrap()), "there is one still");
        drop(flights);
        assert!(second.wait_for(Option::is_some).await.is_err(), "and it ends with its owner");
    }

    #[tokio::test]
    async fn drop_aborts_all_flights() {
        let (flights, slow) = (SingleFlight::new(10), Slow::new());
        let mut answer = flights.start(1, || Ok(slow.task())).unwrap();
        tokio::task::yield_now().await;
        drop(flights);
        assert!(answer.wait_for(Option::is_some).await.is_err());
        assert_eq!(Arc::strong_count(&slow.go), 1, "its future is gone");
    }
}
