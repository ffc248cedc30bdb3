//! How the demo looks: numbered steps, what happens in plain words, and a tick for everything that was checked.

use serde_json::json;
use std::io::{IsTerminal, Write};

/// Tells the story on standard output.
///
/// A reader who goes away does not end the story: it is judged to its end all the same.
#[derive(Debug)]
pub struct Teller {
    style: Style,
    step: usize,
    title: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Coloured,
    Plain,
    Json,
}

const BOLD: &str = "\u{1b}[1m";
const GREEN: &str = "\u{1b}[32m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

impl Teller {
    /// For a person: with colours on a terminal, unless `NO_COLOR` is set. For a program: one JSON document per line.
    pub fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let style = match (json, wanted && std::io::stdout().is_terminal()) {
            (true, _) => Style::Json,
            (false, true) => Style::Coloured,
            (false, false) => Style::Plain,
        };
        Self { style, step: 0, title: String::new() }
    }

    /// Begins the story.
    pub fn headline(&mut self, text: &str) {
        match self.style {
            Style::Json => self.line(json!({ "headline": text }).to_string()),
            _ => self.line(self.painted(BOLD, text)),
        }
    }

    /// Ends the story.
    pub fn end(&mut self, text: &str) {
        match self.style {
            Style::Json => self.line(json!({ "held": true, "steps": self.step }).to_string()),
            _ => self.line(format!("\n{}", self.painted(BOLD, text))),
        }
    }

    /// Begins the next step.
    pub fn step(&mut self, title: impl Into<String>) {
        self.step += 1;
        self.title = title.into();
        match self.style {
            Style::Json => self.line(json!({ "step": self.step, "title": self.title }).to_string()),
            _ => {
                let title = self.painted(BOLD, &self.title);
                self.line(format!("\n{:>2}  {title}", self.step));
            }
        }
    }

    /// Something happens.
    pub fn say(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        match self.style {
            Style::Json => self.line(json!({ "step": self.step, "says": text }).to_string()),
            _ => self.line(format!("      {text}")),
        }
    }

    /// Something was checked, and holds.
    pub fn held(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        match self.style {
            Style::Json => self.line(json!({ "step": self.step, "held": text }).to_string()),
            _ => self.line(format!("    {} {text}", self.painted(GREEN, "✓"))),
        }
    }

    /// A command that a person can repeat.
    pub fn command(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        match self.style {
            Style::Json => self.line(json!({ "step": self.step, "command": text }).to_string()),
            _ => self.line(format!("      {}", self.painted(DIM, &format!("$ {text}")))),
        }
    }

    /// The step the story is in, for an error.
    pub fn place(&self) -> String {
        format!("step {} ({})", self.step, self.title)
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        match self.style {
            Style::Coloured => format!("{colour}{text}{RESET}"),
            _ => text.to_owned(),
        }
    }

    fn line(&self, text: String) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }
}
