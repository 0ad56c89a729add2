//! A picture of the ratios.

use std::fmt::Write;

use crate::compare::Seen;
use crate::in_process::Measured;
use crate::markdown::ratio;
use crate::spread::Spread;

const LABELS: f64 = 330.0;
const WIDTH: f64 = 420.0;
const ROW: f64 = 18.0;
const TOP: f64 = 64.0;
/// Of the logarithmic axis.
const MOST: f64 = 1_000.0;

/// Time in the process, bare router = 1, as bars on a logarithmic axis; processor time over loopback as a dot beside.
pub(crate) fn draw(seen: &Seen) -> String {
    let this_tree = |case: &&Measured| {
        let is_other = seen.baseline.as_ref().is_some_and(|(worker, _)| case.worker == *worker);
        !is_other && !case.peer.is_bare()
    };
    let cases: Vec<&Measured> = seen.in_process.iter().filter(this_tree).collect();
    let height = TOP + ROW * cases.len() as f64 + 12.0;
    let width = LABELS + WIDTH + 70.0;
    let x = |value: f64| LABELS + WIDTH * (value.max(1.0).log10() / MOST.log10());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"13\">One request, bare router = 1 (logarithmic)</text>\n\
         <text x=\"8\" y=\"36\" fill=\"#555\">bar: time in the process, with quartiles; dot: processor time over loopback HTTP</text>\n"
    );
    for tick in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0] {
        let at = x(tick);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {TOP}V{height}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#555\">{tick}</text>",
            TOP - 6.0
        );
    }
    for (at, case) in cases.iter().enumerate() {
        let Spread { low, median, high } = ratio(&seen.in_process, case);
        let (y, colour) =
            (TOP + ROW * at as f64 + 4.0, if case.peer.is_ours() { "#2b6cb0" } else { "#a0aec0" });
        let label = case.peer.title().replace('`', "").replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{:.0}\">{label}</text><rect x=\"{LABELS}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"11\" fill=\"{colour}\"/>\
             <path d=\"M{:.1} {:.1}H{:.1}\" stroke=\"#000\"/><text x=\"{:.1}\" y=\"{:.0}\">{median:.2}</text>",
            y + 10.0,
            x(median) - LABELS,
            x(low),
            y + 5.5,
            x(high),
            x(high.max(median)) + 6.0,
            y + 10.0
        );
        let over = seen
            .loopback
            .iter()
            .find(|other| other.worker == case.worker && other.peer.name == case.peer.name);
        if let Some(over) = over {
            let at = x(ratio(&seen.loopback, over).median);
            let _ = writeln!(svg, "<circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"#dd6b20\"/>", y + 5.5);
        }
    }
    svg.push_str("</svg>\n");
    svg
}
