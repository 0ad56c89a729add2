use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::memory::Memory;
use crate::ports::replay_memory::ReplayTag;

/// The claim of a run in the memory that the processes of a service share. Renewed while this is held, and released when it
/// is dropped.
///
/// # Durations
/// A claim lasts 10 s. It is renewed when a third of that has passed since the last call was begun, 3.3 s, and a call is
/// given up after 2 s: of three calls in a row that are begun at 0 s, 3.3 s and 6.7 s, the last one has its answer at 8.7 s at
/// the latest. So one renewal may fail or hang without the claim being lost. A process that is killed renews nothing, and its
/// event is free 10 s after its last renewal at the latest.
///
/// One that was paused, or that the memory was out of reach for, may have lost its claim to another process meanwhile. Past 8 s
/// without an answer, which is a claim without the time of a call, it neither renews nor releases it, but claims it anew.
///
/// A task makes the calls, since `drop` cannot wait for one. It belongs to this: it ends when this is dropped, after two calls
/// at most, the renewal that is under way and the release, and so within 4 s.
pub(crate) struct Lease {
    /// Dropped, it ends the task.
    held: oneshot::Sender<Infallible>,
    task: JoinHandle<()>,
}

impl Lease {
    pub(crate) const DURATION: Duration = Duration::from_secs(10);
    const RENEWAL: Duration = Duration::from_millis(10_000 / 3);
    /// For how long a claim is certainly this one's, with the time that a call takes.
    const OWN: Duration = Self::DURATION.saturating_sub(Memory::TIMEOUT);

    /// Claims a run. `None` if another process has it. A memory that does not answer keeps nobody from running.
    pub(super) async fn claim(memory: &Arc<Memory>, run: ReplayTag) -> Option<Self> {
        let (granted, is_granted) = oneshot::channel();
        let (held, dropped) = oneshot::channel();
        // Made before the wait: whoever drops this future has the task release what is granted after that.
        let lease = Self { held, task: tokio::spawn(keep(memory.clone(), run, granted, dropped)) };
        is_granted.await.unwrap_or(true).then_some(lease)
    }

    /// Releases the claim, and waits for that.
    pub(super) async fn release(self) {
        drop(self.held);
        // Fails if the runtime is shut down: then nobody waits.
        let _ = self.task.await;
    }
}

/// Claims a run, renews the claim until the lease is dropped, and releases it.
async fn keep(
    memory: Arc<Memory>,
    run: ReplayTag,
    granted: oneshot::Sender<bool>,
    mut dropped: oneshot::Receiver<Infallible>,
) {
    let mut start = Instant::now();
    let claimed = memory.claim(run, Lease::DURATION).await;
    // Fails if nobody waits for it any more, which `dropped` tells as well.
    let _ = granted.send(claimed != Some(false));
    let mut own_until = match claimed {
        Some(true) => start + Lease::OWN,
        Some(false) => return,
        None => start,
    };
    while timeout_at(start + Lease::RENEWAL, &mut dropped).await.is_err() {
        start = Instant::now();
        let is_own = if start < own_until {
            memory.set(&[(run, run)], Lease::DURATION).await.is_some()
        } else {
            memory.claim(run, Lease::DURATION).await == Some(true)
        };
        if is_own {
            own_until = start + Lease::OWN;
        }
    }
    if Instant::now() < own_until {
        memory.release(run).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::future::pending;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use futures_util::FutureExt;
    use tokio::time::sleep;

    use super::*;
    use crate::ports::replay_memory::{ReplayMemory, ReplayMemoryError};
    use crate::services::webhook::replays::in_memory::InMemoryReplays;
    use crate::util::clock::Clock;

    const RUN: ReplayTag = ReplayTag::new([7; 32]);
    const MILLISECOND: Duration = Duration::from_millis(1);

    /// A memory somewhere else, by tokio's clock: each call takes a while.
    #[derive(Default)]
    struct Remote {
        claims: Arc<Mutex<HashMap<ReplayTag, Instant>>>,
        latency: Duration,
        /// Whether no call is answered.
        is_mute: Arc<AtomicBool>,
        /// How many calls of `set` there were; of those, each n-th is answered.
        renewals: AtomicUsize,
        answered: usize,
    }

    impl Remote {
        async fn travel(&self) {
            if self.is_mute.load(Ordering::Relaxed) {
                pending::<()>().await;
            }
            sleep(self.latency).await;
        }
    }

    impl ReplayMemory for Remote {
        async fn get(&self, keys: &[ReplayTag]) -> Result<Vec<Option<ReplayTag>>, ReplayMemoryError> {
            Ok(vec![None; keys.len()])
        }

        async fn set(
            &self,
            entries: &[(ReplayTag, ReplayTag)],
            ttl: Duration,
        ) -> Result<(), ReplayMemoryError> {
            let renewal = self.renewals.fetch_add(1, Ordering::Relaxed) + 1;
            if !renewal.is_multiple_of(self.answered) {
                pending::<()>().await;
            }
            self.travel().await;
            self.claims.lock().unwrap().extend(entries.iter().map(|(key, _)| (*key, Instant::now() + ttl)));
            Ok(())
        }

        async fn claim(&self, key: ReplayTag, ttl: Duration) -> Result<bool, ReplayMemoryError> {
            self.travel().await;
            let (mut claims, now) = (self.claims.lock().unwrap(), Instant::now());
            claims.retain(|_, expiry| now < *expiry);
            let is_free = !claims.contains_key(&key);
            claims.entry(key).or_insert(now + ttl);
            Ok(is_free)
        }

        async fn release(&self, key: ReplayTag) -> Result<(), ReplayMemoryError> {
            self.travel().await;
            self.claims.lock().unwrap().remove(&key);
            Ok(())
        }
    }

    fn memory(port: impl ReplayMemory) -> Arc<Memory> {
        Arc::new(Memory::new(Arc::new(port), &Clock::default()))
    }

    async fn is_free(memory: &Arc<Memory>) -> bool {
        let lease = Lease::claim(memory, RUN).await;
        let is_free = lease.is_some();
        if let Some(lease) = lease {
            lease.release().await;
        }
        is_free
    }

    /// Each renewal is answered, or each second one, the others of which hang.
    #[tokio::test(start_paused = true)]
    async fn claim_lasts_as_long_as_the_run() {
        for answered in [1, 2] {
            let memory = memory(Remote { answered, latency: 10 * MILLISECOND, ..Remote::default() });
            let lease = Lease::claim(&memory, RUN).await.unwrap();
            for second in 0..60 {
                assert!(!is_free(&memory).await, "{answered}: {second} s");
                sleep(Duration::from_secs(1)).await;
            }
            lease.release().await;
            assert!(is_free(&memory).await, "{answered}");
        }
    }

    /// The endpoint is dropped, and its handlers with it.
    #[tokio::test(start_paused = true)]
    async fn dropped_run_frees_its_event() {
        let memory = memory(Remote { answered: 1, latency: 10 * MILLISECOND, ..Remote::default() });
        let lease = Lease::claim(&memory, RUN).await.unwrap();
        drop(lease);
        sleep(11 * MILLISECOND).await;
        assert!(is_free(&memory).await);

        // Before the memory has answered: the claim is made, and released.
        assert!(Lease::claim(&memory, RUN).now_or_never().is_none());
        sleep(5 * MILLISECOND).await;
        assert!(!is_free(&memory).await);
        sleep(30 * MILLISECOND).await;
        assert!(is_free(&memory).await);
    }

    #[tokio::test(start_paused = true)]
    async fn process_that_was_not_granted_a_run_releases_nothing() {
        let memory = memory(Remote { answered: 1, latency: 10 * MILLISECOND, ..Remote::default() });
        let lease = Lease::claim(&memory, RUN).await.unwrap();
        for _ in 0..3 {
            assert!(!is_free(&memory).await);
        }
        // Gives up before it is told.
        assert!(Lease::claim(&memory, RUN).now_or_never().is_none());
        sleep(Duration::from_secs(1)).await;
        assert!(!is_free(&memory).await);
        drop(lease);
    }

    /// Cut off for longer than its lease, and back: the event may be another's by now.
    #[tokio::test(start_paused = true)]
    async fn lapsed_lease_takes_nothing_from_its_next_holder() {
        for is_cut_off_from_the_start in [false, true] {
            let (claims, is_mute) = (Arc::default(), Arc::new(AtomicBool::new(is_cut_off_from_the_start)));
            let remote = |is_mute| Remote {
                claims: Arc::clone(&claims),
                answered: 1,
                latency: 10 * MILLISECOND,
                is_mute,
                ..Remote::default()
            };
            let [cut_off, other] = [is_mute.clone(), Arc::default()].map(|is_mute| memory(remote(is_mute)));
            let lapsed = Lease::claim(&cut_off, RUN).await.unwrap();
            is_mute.store(true, Ordering::Relaxed);
            sleep(Duration::from_secs(11)).await;
            let next = Lease::claim(&other, RUN).await.expect("the first lease has lapsed");
            is_mute.store(false, Ordering::Relaxed);
            // Time to renew.
            sleep(Duration::from_secs(5)).await;
            lapsed.release().await;
            assert!(!is_free(&other).await, "{is_cut_off_from_the_start}");
            next.release().await;
            assert!(is_free(&other).await, "{is_cut_off_from_the_start}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lapsed_lease_is_claimed_again_where_it_is_free() {
        let is_mute = Arc::<AtomicBool>::default();
        let remote = Remote { answered: 1, is_mute: is_mute.clone(), ..Remote::default() };
        let memory = memory(remote);
        let lease = Lease::claim(&memory, RUN).await.unwrap();
        is_mute.store(true, Ordering::Relaxed);
        sleep(Duration::from_secs(20)).await;
        is_mute.store(false, Ordering::Relaxed);
        sleep(Duration::from_secs(6)).await;
        assert!(!is_free(&memory).await);
        lease.release().await;
        assert!(is_free(&memory).await);
    }

    /// Its runtime ends where it is: nobody renews, and nobody releases.
    #[test]
    fn event_of_a_killed_process_is_free_when_its_lease_ends() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let clock = Clock::held();
        let memory = memory(InMemoryReplays::with_clock(clock.clone()));
        let killed = runtime();
        let lease = killed.block_on(Lease::claim(&memory, RUN)).unwrap();
        drop(killed);
        let other = runtime();
        clock.advance(Lease::DURATION - MILLISECOND);
        assert!(!other.block_on(is_free(&memory)));
        clock.advance(MILLISECOND);
        assert!(other.block_on(is_free(&memory)));
        drop(lease);
    }
}
