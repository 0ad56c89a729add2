//! One kind of size, and what an operation costs at each.

use std::fmt::Write;

use crate::valgrind::Counted;

/// What is measured at some sizes.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    /// From the smallest.
    pub(crate) sizes: &'static [u64],
    pub(crate) cost: Cost,
    /// What bounds the growth, for readers.
    pub(crate) bound: &'static str,
}

/// What a cost is, and how it is found.
pub(crate) enum Cost {
    /// Instructions of an operation, which this makes for a size.
    Instructions(fn(u64) -> Box<dyn FnMut()>),
    /// Something else, such as nanoseconds, found by this.
    Other(&'static str, fn(u64) -> f64),
}

/// A series and the cost at each of its sizes.
pub(crate) struct Measured<'a> {
    pub(crate) series: &'a Series,
    pub(crate) costs: Vec<f64>,
}

impl Series {
    /// Runs the operation so many times, to be counted.
    pub(crate) fn run(&self, size: u64, count: u32) {
        let Cost::Instructions(make) = self.cost else { panic!("{} is timed", self.name) };
        let mut operation = make(size);
        (0..count).for_each(|_| operation());
    }

    /// Or less: a debug build takes a minute for what a measurement starts with.
    pub(crate) fn try_smallest(&self) {
        let smallest = self.sizes[0].min(1_000);
        match self.cost {
            Cost::Instructions(make) => make(smallest)(),
            Cost::Other(_, find) => assert!(find(smallest) >= 0.0, "{}", self.name),
        }
    }

    pub(crate) fn measure(&self) -> Measured<'_> {
        let program = std::env::current_exe().expect("this program");
        let counted =
            Counted { valgrind: &["valgrind"], program: &program, arguments: &[], times: [20, 120] };
        let cost = |size: &u64| match self.cost {
            Cost::Instructions(_) => {
                let count = counted.instructions(&format!("{} {size}", self.name));
                count.expect("valgrind counts (Debian's package of that name)")
            }
            Cost::Other(_, find) => find(*size),
        };
        Measured { series: self, costs: self.sizes.iter().map(cost).collect() }
    }
}

impl Measured<'_> {
    fn ends(&self) -> ([f64; 2], [f64; 2]) {
        let ends = |values: &[f64]| [values[0], values[values.len() - 1]];
        let sizes: Vec<f64> = self.series.sizes.iter().map(|size| *size as f64).collect();
        (ends(&sizes), ends(&self.costs))
    }

    /// A row of the table.
    pub(crate) fn row(&self) -> String {
        let (sizes, costs) = self.ends();
        let unit = match self.series.cost {
            Cost::Instructions(_) => "instructions",
            Cost::Other(unit, _) => unit,
        };
        let mut all = String::new();
        for (at, cost) in self.costs.iter().enumerate() {
            let _ = write!(all, "{}{}", if at == 0 { "" } else { ", " }, grouped(*cost));
        }
        let [from, to] = sizes.map(grouped);
        format!(
            "| {} | {from} – {to} | {all} {unit} | {:.2} | {:.0} | {} |",
            self.series.name,
            costs[1] / costs[0],
            n_log_n(sizes[0], sizes[1]),
            self.series.bound
        )
    }

    /// With some room; more for time and memory, in which are the processor's caches and the allocator's pages: of a million entries
    /// most miss the caches, of a thousand none. What grows as *n*^1.5 over two powers of ten is beyond it.
    pub(crate) fn grows_at_most_n_log_n(&self) -> bool {
        let room = match self.series.cost {
            Cost::Instructions(_) => 1.5,
            Cost::Other(..) => 3.0,
        };
        let fits = |sizes: [u64; 2], costs: [f64; 2]| {
            costs[1] <= costs[0].max(1.0) * n_log_n(sizes[0] as f64, sizes[1] as f64) * room
        };
        // Each next to the one before: a constant may hide from the ends what happens in between.
        let (sizes, costs) = (self.series.sizes, &self.costs);
        let last = sizes.len() - 1;
        fits([sizes[0], sizes[last]], [costs[0], costs[last]])
            && (1..=last).all(|at| fits([sizes[at - 1], sizes[at]], [costs[at - 1], costs[at]]))
    }
}

/// How many times as much `n log n` is. Of none as of one.
fn n_log_n(from: f64, to: f64) -> f64 {
    let of = |n: f64| n.max(1.0) * n.max(2.0).log2();
    of(to) / of(from)
}

/// `12,345`, or `1.23`.
fn grouped(number: f64) -> String {
    if number < 10.0 && number.fract() != 0.0 {
        return format!("{number:.2}");
    }
    let digits = format!("{number:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}
