//! A picture of the ratios.

use crate::compare::Seen;
use crate::in_process::Measured;
use crate::markdown::ratio;
use crate::spread::Spread;
use crate::svg::{Axis, Svg};

const LABELS: f64 = 330.0;
const WIDTH: f64 = 420.0;
const ROW: f64 = 18.0;
const TOP: f64 = 64.0;

/// Time in the process, bare router = 1, as bars on a logarithmic axis; processor time over loopback as a dot beside.
pub(crate) fn draw(seen: &Seen) -> String {
    let this_tree = |case: &&Measured| {
        let is_other = seen.baseline.as_ref().is_some_and(|(worker, _)| case.worker == *worker);
        !is_other && !case.peer.is_bare()
    };
    let cases: Vec<&Measured> = seen.in_process.iter().filter(this_tree).collect();
    let height = TOP + ROW * cases.len() as f64 + 12.0;
    let x = Axis { start: LABELS, length: WIDTH, most: 1_000.0 };
    let legend = "bar: time in the process, with quartiles; dot: processor time over loopback HTTP";
    let mut svg =
        Svg::new(LABELS + WIDTH + 70.0, height, "One request, bare router = 1 (logarithmic)", legend);
    for tick in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0] {
        svg.line(&[(x.at(tick), TOP), (x.at(tick), height)], "#ddd", "");
        svg.note(x.at(tick), TOP - 6.0, "middle", tick);
    }
    for (at, case) in cases.iter().enumerate() {
        let Spread { low, median, high } = ratio(&seen.in_process, case);
        let (y, colour) =
            (TOP + ROW * at as f64 + 4.0, if case.peer.is_ours() { "#2b6cb0" } else { "#a0aec0" });
        svg.label(8.0, y + 10.0, case.peer.title().replace('`', ""));
        svg.bar(LABELS, y, x.at(median) - LABELS, 11.0, colour);
        svg.line(&[(x.at(low), y + 5.5), (x.at(high), y + 5.5)], "#000", "");
        svg.label(x.at(high.max(median)) + 6.0, y + 10.0, format!("{median:.2}"));
        let over = seen
            .loopback
            .iter()
            .find(|other| other.worker == case.worker && other.peer.name == case.peer.name);
        if let Some(over) = over {
            svg.dot(x.at(ratio(&seen.loopback, over).median), y + 5.5, "#dd6b20");
        }
    }
    svg.finish()
}
