//! A picture of all series: cost over size, each as a multiple of its smallest.

use crate::series::Measured;
use crate::svg::{Axis, Svg};

const LEFT: f64 = 48.0;
const TOP: f64 = 56.0;
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 400.0;
const LABELS: f64 = 300.0;
const COLOURS: [&str; 12] = [
    "#2b6cb0", "#dd6b20", "#38a169", "#805ad5", "#d53f8c", "#319795", "#b7791f", "#e53e3e", "#4a5568",
    "#00a3c4", "#97266d", "#276749",
];

pub(crate) fn draw(all: &[Measured<'_>]) -> String {
    let bottom = TOP + HEIGHT;
    let x = Axis { start: LEFT, length: WIDTH, most: 10_000.0 };
    let y = Axis { start: bottom, length: -HEIGHT, most: 10_000.0 };
    let legend = "both logarithmic, the smallest = 1; dashed: n, and n log n of n = 1,000";
    let mut svg = Svg::new(LEFT + WIDTH + LABELS, bottom + 28.0, "Cost over size", legend);
    for power in 0..=4 {
        let tick = 10_f64.powi(power);
        svg.line(&[(x.at(tick), TOP), (x.at(tick), bottom)], "#ddd", "");
        svg.line(&[(LEFT, y.at(tick)), (LEFT + WIDTH, y.at(tick))], "#ddd", "");
        svg.note(x.at(tick), bottom + 16.0, "middle", tick);
        svg.note(LEFT - 6.0, y.at(tick) + 4.0, "end", tick);
    }
    let dashed = " stroke-dasharray=\"4 4\"";
    let reference = |cost: fn(f64) -> f64| {
        let sizes = (0..=40).map(|step| 10_f64.powf(f64::from(step) / 10.0));
        sizes
            .map(|n| (n, cost(n)))
            .filter(|(_, cost)| *cost <= 10_000.0)
            .map(|(n, cost)| (x.at(n), y.at(cost)))
            .collect::<Vec<_>>()
    };
    svg.line(&reference(|n| n), "#718096", dashed);
    svg.line(&reference(|n| n * (n * 1_000.0).log2() / 1_000_f64.log2()), "#718096", dashed);
    for (at, Measured { series, costs }) in all.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let smallest = series.sizes[0].max(1) as f64;
        let points: Vec<(f64, f64)> = series
            .sizes
            .iter()
            .zip(costs)
            .map(|(size, cost)| (x.at(*size as f64 / smallest), y.at(cost / costs[0])))
            .collect();
        svg.line(&points, colour, " stroke-width=\"2\"");
        points.iter().for_each(|(x, y)| svg.dot(*x, *y, colour));
        let row = TOP + 10.0 + 18.0 * at as f64;
        svg.dot(LEFT + WIDTH + 16.0, row - 4.0, colour);
        svg.label(LEFT + WIDTH + 26.0, row, series.name);
    }
    svg.finish()
}
