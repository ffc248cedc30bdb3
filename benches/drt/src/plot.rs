//! How often what occurs, as bars in SVG: one row for each size of conversation.

use crate::Spread;
use std::fmt::Write;

/// The size of a row's plane and the margins around it, in pixels.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 110.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 40.0;

/// The colour of the bars (of Okabe and Ito's, distinct for the colour-blind).
const COLOUR: &str = "#0072b2";

/// The rows, one below the other: a title each, and what is counted. `axis` says what the numbers are.
pub fn svg(axis: &str, rows: &[(String, Spread)]) -> String {
    let most = rows.iter().map(|(_, spread)| spread.max()).max().unwrap_or(0);
    let (width, height) = (LEFT + WIDTH + 20.0, TOP + HEIGHT + BOTTOM);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        height * rows.len() as f64
    );
    for (number, (title, spread)) in rows.iter().enumerate() {
        let top = TOP + height * number as f64;
        let _ = writeln!(out, "<g transform=\"translate({LEFT} {top:.0})\">\n{}</g>", row(axis, title, spread, most));
    }
    out + "</svg>\n"
}

/// One row, with room for numbers up to `most`.
fn row(axis: &str, title: &str, spread: &Spread, most: usize) -> String {
    let counts = spread.counts();
    let highest = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = WIDTH / (most + 1) as f64;
    let mut out = format!("<text x=\"0\" y=\"-12\" font-weight=\"bold\">{title}</text>\n");
    for (number, count) in counts.iter().enumerate() {
        let (left, height) = (step * number as f64, HEIGHT * *count as f64 / highest);
        let (top, wide) = (HEIGHT - height, step * 0.8);
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{height:.1}\" fill=\"{COLOUR}\"/>"
        );
    }
    for number in (0..=most).step_by(most / 12 + 1) {
        let middle = step * (number as f64 + 0.4);
        let _ = writeln!(out, "<text x=\"{middle:.1}\" y=\"{}\" text-anchor=\"middle\">{number}</text>", HEIGHT + 16.0);
    }
    let _ = writeln!(out, "<text x=\"-8\" y=\"10\" text-anchor=\"end\">{highest}</text>");
    let _ = writeln!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{axis}</text>", WIDTH, HEIGHT + 32.0);
    let _ = writeln!(out, "<path d=\"M0 0V{HEIGHT}H{WIDTH}\" fill=\"none\" stroke=\"#333\"/>");
    out
}
