//! One task per key, however many wait for it, which outlives whoever started it: look-ups, and deliveries of events.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The look-ups under way. Dropping this ends them.
pub(crate) struct Flights<K, V> {
    map: Arc<Mutex<HashMap<K, Flight<V>>>>,
    limit: usize,
}

struct Flight<V> {
    answer: watch::Receiver<Option<V>>,
    /// `None` for the moment between being entered and being spawned.
    task: Option<AbortHandle>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// As many look-ups as are allowed are under way.
    Full,
    /// The look-up panicked, or its runtime was shut down.
    Lost,
}

impl<K, V> Flights<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(limit: usize) -> Self {
        Self { map: Arc::default(), limit }
    }

    /// The answer of the look-up of this key that is under way, or else of the one that `look_up` starts.
    pub(crate) async fn join<F>(&self, key: K, look_up: impl FnOnce() -> F) -> Result<V, NoAnswer>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut answer = self.start(key, look_up)?;
        let answer = answer.wait_for(Option::is_some).await.map_err(|_| NoAnswer::Lost)?;
        answer.clone().ok_or(NoAnswer::Lost)
    }

    /// Starts the look-up unless one of this key is under way, and waits for neither.
    pub(crate) fn start<F>(
        &self,
        key: K,
        look_up: impl FnOnce() -> F,
    ) -> Result<watch::Receiver<Option<V>>, NoAnswer>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut map = lock(&self.map);
        if let Some(flight) = map.get(&key) {
            return Ok(flight.answer.clone());
        }
        if map.len() >= self.limit {
            return Err(NoAnswer::Full);
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| NoAnswer::Lost)?;
        let (sender, answer) = watch::channel(None);
        map.insert(key.clone(), Flight { answer: answer.clone(), task: None });
        // A runtime that is shutting down drops the future at once, and with it the landing, which takes the lock.
        drop(map);
        let landing = Landing { map: self.map.clone(), key: key.clone(), answer: answer.clone() };
        let look_up = look_up();
        let task = runtime.spawn(async move {
            let value = look_up.await;
            // Whoever comes from here on finds it in the cache.
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

impl<K, V> Flights<K, V> {
    /// Ends what is under way. Returns how many that were.
    pub(crate) fn abort(&self) -> usize {
        let flights: Vec<_> = lock(&self.map).drain().collect();
        for task in flights.iter().filter_map(|(_, flight)| flight.task.as_ref()) {
            task.abort();
        }
        flights.len()
    }

    /// Waits until nothing is under way.
    #[cfg(feature = "user-sync")]
    pub(crate) async fn landed(&self) {
        loop {
            let next = lock(&self.map).values().next().map(|flight| flight.answer.clone());
            let Some(mut answer) = next else { return };
            // It is over when its sender is gone, whatever it brought.
            while answer.changed().await.is_ok() {}
        }
    }
}

impl<K, V> Drop for Flights<K, V> {
    fn drop(&mut self) {
        self.abort();
    }
}

/// Takes a look-up off the map when it is over, also by a panic.
struct Landing<K: Eq + Hash, V> {
    map: Arc<Mutex<HashMap<K, Flight<V>>>>,
    key: K,
    answer: watch::Receiver<Option<V>>,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut map = lock(&self.map);
        // After an abort, another may have started under this key.
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
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    /// A look-up that waits for a go, and how often it was started.
    struct Slow {
        started: Arc<AtomicUsize>,
        go: Arc<Semaphore>,
    }

    impl Slow {
        fn new() -> Self {
            Self { started: Arc::default(), go: Arc::new(Semaphore::new(0)) }
        }

        fn look_up(&self) -> impl Future<Output = usize> + Send + 'static {
            let (started, go) = (self.started.clone(), self.go.clone());
            async move {
                let n = started.fetch_add(1, Ordering::SeqCst);
                go.acquire().await.unwrap().forget();
                n
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_wait_for_one() {
        let (flights, slow) = (Flights::new(10), Slow::new());
        let all = join_all((0..1000).map(|_| flights.join(1, || slow.look_up())));
        let (answers, ()) = tokio::join!(all, async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            slow.go.add_permits(1);
        });
        assert!(answers.iter().all(|answer| *answer == Ok(0)));
        assert_eq!(slow.started.load(Ordering::SeqCst), 1);
        assert!(lock(&flights.map).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_when_everybody_has_left() {
        let (flights, slow) = (Flights::new(10), Slow::new());
        for _ in 0..40 {
            let short = timeout(Duration::from_millis(10), flights.join(1, || slow.look_up()));
            assert!(short.await.is_err());
        }
        slow.go.add_permits(1);
        assert_eq!(flights.join(1, || slow.look_up()).await, Ok(0));
        assert_eq!(slow.started.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_for_all_and_the_next_starts_afresh() {
        let flights: Flights<i32, i32> = Flights::new(10);
        let panics = || async {
            tokio::task::yield_now().await;
            panic!("in the look-up")
        };
        let answers = join_all((0..10).map(|_| flights.join(1, panics))).await;
        assert!(answers.iter().all(|answer| *answer == Err(NoAnswer::Lost)));
        assert_eq!(flights.join(1, || async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn there_is_a_limit() {
        let (flights, slow) = (Flights::new(2), Slow::new());
        let _one = flights.start(1, || slow.look_up()).unwrap();
        let _two = flights.start(2, || slow.look_up()).unwrap();
        assert_eq!(flights.join(3, || slow.look_up()).await, Err(NoAnswer::Full));
        assert!(flights.start(2, || slow.look_up()).is_ok(), "to join costs nothing");
    }

    #[tokio::test]
    async fn one_that_was_ended_takes_no_other_with_it() {
        let (flights, slow) = (Flights::new(10), Slow::new());
        let mut first = flights.start(1, || slow.look_up()).unwrap();
        tokio::task::yield_now().await;
        assert_eq!(flights.abort(), 1);
        let mut second = flights.start(1, || slow.look_up()).unwrap();
        assert!(first.wait_for(Option::is_some).await.is_err());
        assert!(second.same_channel(&flights.start(1, || slow.look_up()).unwrap()), "there is one still");
        drop(flights);
        assert!(second.wait_for(Option::is_some).await.is_err(), "and it ends with its owner");
    }

    #[tokio::test]
    async fn none_outlives_its_owner() {
        let (flights, slow) = (Flights::new(10), Slow::new());
        let mut answer = flights.start(1, || slow.look_up()).unwrap();
        tokio::task::yield_now().await;
        drop(flights);
        assert!(answer.wait_for(Option::is_some).await.is_err());
        assert_eq!(Arc::strong_count(&slow.go), 1, "its future is gone");
    }
}
