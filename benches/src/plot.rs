//! Lines on logarithmic axes, as SVG.

use std::fmt::Write;

/// The size of a chart's plane, and the margins around it for titles, ticks and names, in pixels.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 160.0;
const BOTTOM: f64 = 55.0;

/// Distinct for the colour-blind too (Okabe and Ito).
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];

/// Several lines over the same two axes.
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What the axes are, with units.
    pub axes: [&'static str; 2],
    /// The lines.
    pub lines: Vec<Line>,
}

/// What was measured at several places.
pub struct Line {
    /// What it is.
    pub name: &'static str,
    /// Where, and what it came to; both more than nothing.
    pub points: Vec<(f64, f64)>,
}

/// From one power of ten to another.
struct Axis {
    first: i32,
    last: i32,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64> + Clone) -> Self {
        let first = values.clone().fold(f64::INFINITY, f64::min).log10().floor() as i32;
        let last = values.fold(0.0, f64::max).log10().ceil() as i32;
        Self { first, last: last.max(first + 1) }
    }

    /// How far along the axis, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        (value.log10() - f64::from(self.first)) / f64::from(self.last - self.first)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.first..=self.last).map(|power| 10_f64.powi(power))
    }
}

/// The charts, one beside the other.
pub fn svg(charts: &[Chart]) -> String {
    let (width, height) = (LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        width * charts.len() as f64
    );
    for (number, chart) in charts.iter().enumerate() {
        let left = LEFT + width * number as f64;
        let _ = writeln!(out, "<g transform=\"translate({left} {TOP})\">\n{}</g>", chart.draw());
    }
    out + "</svg>\n"
}

impl Chart {
    fn draw(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let across = Axis::around(points().map(|(x, _)| *x));
        let up = Axis::around(points().map(|(_, y)| *y));
        let place = |(x, y): (f64, f64)| (across.share(x) * WIDTH, HEIGHT - up.share(y) * HEIGHT);
        let mut out = String::new();
        let mut text = |x: f64, y: f64, more: &str, text: &str| {
            let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {more}>{text}</text>");
        };
        text(WIDTH / 2.0, -15.0, "text-anchor=\"middle\" font-weight=\"bold\"", &self.title);
        text(WIDTH / 2.0, HEIGHT + 40.0, "text-anchor=\"middle\"", self.axes[0]);
        text(-HEIGHT / 2.0, -50.0, "text-anchor=\"middle\" transform=\"rotate(-90)\"", self.axes[1]);
        for tick in across.ticks() {
            text(across.share(tick) * WIDTH, HEIGHT + 18.0, "text-anchor=\"middle\"", &tick.to_string());
        }
        for tick in up.ticks() {
            text(-8.0, HEIGHT - up.share(tick) * HEIGHT + 4.0, "text-anchor=\"end\"", &tick.to_string());
        }
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            if let Some(last) = line.points.last() {
                let (x, y) = place(*last);
                text(x + 8.0, y + 4.0, &format!("fill=\"{colour}\""), line.name);
            }
        }
        for y in up.ticks().map(|tick| HEIGHT - up.share(tick) * HEIGHT) {
            let _ = writeln!(out, "<path d=\"M0 {y:.1}H{WIDTH}\" stroke=\"#ddd\"/>");
        }
        let _ = writeln!(out, "<path d=\"M0 0V{HEIGHT}H{WIDTH}\" fill=\"none\" stroke=\"#333\"/>");
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let corners: Vec<_> = line.points.iter().map(|point| place(*point)).collect();
            let path: Vec<_> = corners.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            let _ =
                writeln!(out, "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", path.join("L"));
            for (x, y) in corners {
                let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
            }
        }
        out
    }
}
