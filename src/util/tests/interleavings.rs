//! Callers of one flight, one who aborts and flights that end, in many orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::future::{block_on, yield_now};
use shuttle::thread;

use crate::util::single_flight::{FlightError, SingleFlight};

const ORDERS: usize = 20_000;

/// Counts the tasks that run now, and those that were started.
#[derive(Clone, Default)]
struct Tasks {
    running: Arc<AtomicUsize>,
    started: Arc<AtomicUsize>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Tasks {
    async fn run(self) -> usize {
        assert_eq!(self.running.fetch_add(1, Ordering::SeqCst), 0, "two tasks of one key at a time");
        let _running = Running(self.running);
        let number = self.started.fetch_add(1, Ordering::SeqCst);
        yield_now().await;
        number
    }
}

async fn settled(flights: &SingleFlight<u8, usize>) {
    while flights.len() > 0 {
        yield_now().await;
    }
}

#[test]
fn one_task_at_a_time_and_every_caller_is_answered() {
    let check = || {
        let (flights, tasks) = (Arc::new(SingleFlight::new(1)), Tasks::default());
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (flights, tasks) = (flights.clone(), tasks.clone());
                thread::spawn(move || block_on(flights.join(1, || tasks.run())))
            })
            .collect();
        let answers: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        let started = tasks.started.load(Ordering::SeqCst);
        assert!((1..=3).contains(&started));
        // Whose flight ended is never told that of a later one.
        assert!(
            answers.iter().all(|answer| answer.as_ref().is_ok_and(|number| *number < started)),
            "{answers:?}"
        );
        block_on(settled(&flights));
    };
    shuttle::check_random(check, ORDERS);
    shuttle::check_pct(check, ORDERS, 3);
}

#[test]
fn abort_cancels_or_comes_too_late_and_leaves_the_next() {
    let check = || {
        let (flights, tasks) = (Arc::new(SingleFlight::new(1)), Tasks::default());
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let (flights, tasks) = (flights.clone(), tasks.clone());
                // A task that was aborted may still be at its last step when the next one starts.
                let task = async move {
                    yield_now().await;
                    tasks.started.fetch_add(1, Ordering::SeqCst)
                };
                thread::spawn(move || block_on(flights.join(1, || task)))
            })
            .collect();
        let aborting = {
            let flights = flights.clone();
            thread::spawn(move || flights.abort())
        };
        let aborted = aborting.join().unwrap();
        let answers: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        for answer in answers {
            match answer {
                Ok(_) => {}
                Err(FlightError::Cancelled) => assert_eq!(aborted, 1, "cancelled by nobody"),
                Err(FlightError::AtCapacity) => panic!("one key takes one place"),
            }
        }
        block_on(settled(&flights));
        let next = block_on(flights.join(1, || async { 7 }));
        assert_eq!(next, Ok(7), "a flight that was aborted left its place");
    };
    shuttle::check_random(check, ORDERS);
    shuttle::check_pct(check, ORDERS, 3);
}
