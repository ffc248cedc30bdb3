//! The table of figures.

use serde_json::{Map, Value};
use std::fmt::Write;

/// One comparison.
pub struct Row {
    /// Its stable name, for machines.
    pub key: &'static str,
    /// What is compared, in plain words.
    pub what: String,
    /// The figure: a ratio, unless its unit says otherwise; not a number when it was not measured.
    pub figure: f64,
    /// `×`, `ms`, …
    pub unit: &'static str,
    /// The goal.
    pub goal: Goal,
    /// What was measured on both sides.
    pub detail: String,
}

/// What a figure is held to.
pub enum Goal {
    /// No less than this.
    AtLeast(f64),
    /// No more than this.
    AtMost(f64),
}

impl Goal {
    fn reached(&self, figure: f64) -> bool {
        match self {
            Goal::AtLeast(bound) => figure >= *bound,
            Goal::AtMost(bound) => figure <= *bound,
        }
    }

    fn words(&self, unit: &str) -> String {
        match self {
            Goal::AtLeast(bound) => format!("≥ {bound} {unit}"),
            Goal::AtMost(bound) => format!("≤ {bound} {unit}"),
        }
    }
}

/// The rows as lines for people.
pub fn text(rows: &[Row]) -> String {
    let mut out = String::new();
    for row in rows {
        let verdict = match row.figure {
            figure if figure.is_nan() => "not measured",
            figure if row.goal.reached(figure) => "reached",
            _ => "MISSED",
        };
        let _ = writeln!(out, "{}", row.what);
        let figure = format!("{:.1} {}", row.figure, row.unit);
        let _ = writeln!(out, "    {figure:<12} goal {:<12} {verdict}    [{}]", row.goal.words(row.unit), row.key);
        let _ = writeln!(out, "    {}", row.detail);
    }
    out
}

/// The figures by key.
pub fn json(rows: &[Row]) -> Value {
    Value::Object(rows.iter().map(|row| (row.key.to_owned(), Value::from(row.figure))).collect::<Map<_, _>>())
}
