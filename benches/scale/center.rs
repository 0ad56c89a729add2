//! The calls that reach the center, by time.

use super::fleet::END;

/// Hundredths of a second.
const BINS: usize = (END as usize) * 100;

#[derive(Clone)]
pub(crate) struct Center(Vec<u32>);

impl Default for Center {
    fn default() -> Self {
        Self(vec![0; BINS])
    }
}

impl Center {
    #[inline]
    pub(crate) fn call(&mut self, at: f64) {
        if at >= 0.0
            && let Some(bin) = self.0.get_mut((at * 100.0) as usize)
        {
            *bin += 1;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(bin, more)| *bin += more);
    }

    /// How many there were between these instants.
    pub(crate) fn between(&self, from: f64, to: f64) -> f64 {
        self.0[(from * 100.0) as usize..(to * 100.0) as usize].iter().map(|calls| f64::from(*calls)).sum()
    }

    /// The most in one second.
    pub(crate) fn peak(&self) -> f64 {
        let second = |bins: &[u32]| bins.iter().map(|calls| f64::from(*calls)).sum::<f64>();
        self.0.chunks(100).map(second).fold(0.0, f64::max)
    }

    /// How many calls a second a center must answer so that none waits longer than this many seconds.
    pub(crate) fn capacity_for(&self, longest: f64) -> f64 {
        let (mut too_few, mut enough) = (0.0, self.peak() * 2.0);
        for _ in 0..40 {
            let middle = (too_few + enough) / 2.0;
            if self.longest_wait(middle) > longest { too_few = middle } else { enough = middle }
        }
        enough
    }

    fn longest_wait(&self, capacity: f64) -> f64 {
        let (mut waiting, mut most) = (0.0_f64, 0.0_f64);
        for calls in &self.0 {
            waiting = (waiting + f64::from(*calls) - capacity / 100.0).max(0.0);
            most = most.max(waiting);
        }
        most / capacity
    }
}
