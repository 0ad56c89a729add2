//! The memory of a process over time, and its slope.

use std::time::{Duration, Instant};

/// Of which the least counts: what is between is of requests that are under way.
const SPAN: f64 = 10.0;

pub(super) struct Memory {
    started: Instant,
    /// Seconds and KiB.
    samples: Vec<(f64, f64)>,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), samples: vec![] }
    }

    pub(super) fn add(&mut self, kib: u64) {
        self.samples.push((self.started.elapsed().as_secs_f64(), kib as f64));
    }

    /// The least of each span from there on.
    fn spans(&self, from: Duration) -> Vec<(f64, f64)> {
        let mut spans: Vec<(f64, f64)> = vec![];
        for &(at, kib) in self.samples.iter().filter(|(at, _)| *at >= from.as_secs_f64()) {
            let start = (at / SPAN).floor() * SPAN;
            match spans.last_mut() {
                Some((span, least)) if *span == start => *least = least.min(kib),
                _ => spans.push((start, kib)),
            }
        }
        spans
    }

    /// By how much it grows in 10 minutes, in percent: the median of the slopes between any two spans (Theil and Sen), which
    /// a few that are far off do not move.
    pub(super) fn percent_in_10_minutes(&self, from: Duration) -> f64 {
        let spans = self.spans(from);
        let mut slopes = vec![];
        for (n, one) in spans.iter().enumerate() {
            slopes.extend(spans[..n].iter().map(|other| (one.1 - other.1) / (one.0 - other.0)));
        }
        let mut sizes: Vec<_> = spans.iter().map(|span| span.1).collect();
        let (Some(slope), Some(size)) = (median(&mut slopes), median(&mut sizes)) else { return 0.0 };
        slope * 600.0 / size * 100.0
    }

    pub(super) fn print(&self, name: &str) {
        let spans = self.spans(Duration::ZERO);
        let each = spans.len().div_ceil(20).max(1);
        let line: Vec<_> =
            spans.iter().step_by(each).map(|(at, kib)| format!("{at:.0} s {kib:.0}")).collect();
        println!("    {name}, KiB: {}", line.join(", "));
    }
}

fn median(numbers: &mut [f64]) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

#[test]
fn slope_is_that_of_what_stays() {
    let mut memory = Memory::new();
    // 1 % in 10 minutes, with peaks that go away and a drop that stays for a while.
    for second in 0..600 {
        let at = f64::from(second);
        let peak = if second % 7 == 0 { 9_000.0 } else { 0.0 };
        let drop = if (100..160).contains(&second) { -500.0 } else { 0.0 };
        memory.samples.push((at, 10_000.0 + at / 6.0 + peak + drop));
    }
    let slope = memory.percent_in_10_minutes(Duration::ZERO);
    assert!((0.8..1.2).contains(&slope), "{slope}");
    assert_eq!(Memory::new().percent_in_10_minutes(Duration::ZERO), 0.0);
}
