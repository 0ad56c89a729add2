//! Requests that record and the reporter that takes, in many orders: no record is lost, and no wake-up.

use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::thread;

use crate::ports::observer::Watch;
use crate::ports::usage::ApiRecord;
use crate::services::stats::lane::Lane;
use crate::services::stats::queue::Queue;

const ORDERS: usize = 20_000;
const PRODUCERS: usize = 2;
const EACH: usize = 3;

fn record() -> Box<ApiRecord> {
    Box::new(ApiRecord::new("GET", "/"))
}

/// `drain_first` is the mistake of allowing the next wake-up only after the records were taken.
fn exchange(drain_first: bool) {
    let queue = Arc::new(Queue::new(PRODUCERS * EACH, 1 << 20, 1, Watch::default()));
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|_| {
            let queue = queue.clone();
            thread::spawn(move || (0..EACH).for_each(|_| queue.push(record())))
        })
        .collect();
    let mut taken = 0;
    while taken < PRODUCERS * EACH {
        block_on(queue.woken());
        if !drain_first {
            queue.reset_wake();
        }
        taken += std::iter::from_fn(|| queue.pop(Lane::Verified)).count();
        if drain_first {
            queue.reset_wake();
        }
    }
    producers.into_iter().for_each(|producer| producer.join().unwrap());
    assert_eq!((queue.total_len(), queue.total_bytes(), queue.dropped()), (0, 0, 0));
}

#[test]
fn no_record_and_no_wake_is_lost() {
    shuttle::check_random(|| exchange(false), ORDERS);
    shuttle::check_pct(|| exchange(false), ORDERS, 3);
}

/// The orders that matter are among those that are tried.
#[test]
#[should_panic(expected = "deadlock")]
fn reporter_that_drains_first_is_found_out() {
    shuttle::check_random(|| exchange(true), ORDERS);
}

#[test]
fn full_and_closed_queue_counts_each_record_once() {
    let check = || {
        let queue = Arc::new(Queue::new(2, 1 << 20, 1, Watch::default()));
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|_| {
                let queue = queue.clone();
                thread::spawn(move || (0..EACH).for_each(|_| queue.push(record())))
            })
            .collect();
        let closing = queue.clone();
        let closing = thread::spawn(move || closing.close());
        let mut taken = std::iter::from_fn(|| queue.pop(Lane::Verified)).count();
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        closing.join().unwrap();
        taken += std::iter::from_fn(|| queue.pop(Lane::Verified)).count();
        assert_eq!(taken as u64 + queue.dropped(), (PRODUCERS * EACH) as u64);
        assert_eq!((queue.total_len(), queue.total_bytes()), (0, 0));
    };
    shuttle::check_random(check, ORDERS);
}
