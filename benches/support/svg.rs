//! Pictures for the guides: shapes on a white ground, and axes whose steps are factors.

use std::fmt::{Display, Write};

const GREY: &str = "#555";

pub(crate) struct Svg {
    text: String,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64, title: &str, legend: &str) -> Self {
        let mut svg = Self { text: String::new() };
        let _ = writeln!(
            svg.text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"8\" y=\"18\" font-size=\"13\">{}</text>",
            escaped(title)
        );
        svg.note(8.0, 36.0, "start", legend);
        svg
    }

    pub(crate) fn label(&mut self, x: f64, y: f64, text: impl Display) {
        let _ = writeln!(self.text, "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(&text.to_string()));
    }

    /// Grey, and at this side of its point: `start`, `middle` or `end`.
    pub(crate) fn note(&mut self, x: f64, y: f64, anchor: &str, text: impl Display) {
        let text = escaped(&text.to_string());
        let _ = writeln!(
            self.text,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{GREY}\">{text}</text>"
        );
    }

    pub(crate) fn line(&mut self, points: &[(f64, f64)], colour: &str, more: &str) {
        let mut path = String::new();
        for (at, (x, y)) in points.iter().enumerate() {
            let _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
        }
        let _ = writeln!(self.text, "<path d=\"{path}\" stroke=\"{colour}\" fill=\"none\"{more}/>");
    }

    pub(crate) fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        let _ = writeln!(
            self.text,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        );
    }

    pub(crate) fn dot(&mut self, x: f64, y: f64, colour: &str) {
        let _ = writeln!(self.text, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
    }

    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Positions of values from 1 to `most`, so that equal factors are equally far apart. A negative length goes up.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) start: f64,
    pub(crate) length: f64,
    pub(crate) most: f64,
}

impl Axis {
    pub(crate) fn at(self, value: f64) -> f64 {
        self.start + self.length * (value.max(1.0).log10() / self.most.log10())
    }
}
