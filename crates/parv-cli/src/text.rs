//! Small texts for people: short ids, dates, and words from outside made harmless.

use parv::Target;
pub use parv::words::{date, short};

/// Whom or what a vote is about.
pub fn target(target: &Target) -> String {
    match target {
        Target::Account(uri) => short(uri),
        Target::Device(device) => format!("device {}", short(device)),
    }
}

/// A text from outside, made safe for a terminal: control characters and those that turn the reading direction are
/// shown by their number. Line ends stay and are indented so that nobody can forge an entry of the log.
pub fn harmless(text: &str, indent: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => {
                safe.push('\n');
                safe.push_str(indent);
            }
            '\t' => safe.push('\t'),
            c if c.is_control() || turns_direction(c) => safe.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

/// A text from anywhere on one line of a terminal.
pub fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    harmless(&lines.join(" "), "")
}

/// "1 member", "2 members".
pub fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// Unicode's embeddings, overrides and isolates, and the line and paragraph separators.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_reaches_the_terminal_raw() {
        assert_eq!(harmless("ä🐝\tok", ""), "ä🐝\tok");
        assert_eq!(harmless("\u{1b}[2Jgone\r", ""), "\\u{1b}[2Jgone\\u{d}");
        assert_eq!(harmless("a\u{202e}b", ""), "a\\u{202e}b");
        assert_eq!(harmless("hi\nBob: I pay", "  "), "hi\n  Bob: I pay");
    }

    #[test]
    fn a_complaint_is_one_line() {
        assert_eq!(one_line("first\n  second\r\n\nthird\u{7}"), "first second third\\u{7}");
    }

    #[test]
    fn dates_are_plain() {
        assert_eq!(date(0), "1970-01-01 00:00");
        assert_eq!(date(1_700_000_000), "2023-11-14 22:13");
        assert_eq!(date(i64::MAX), format!("second {}", i64::MAX));
    }

    #[test]
    fn ids_are_short() {
        assert_eq!(short(&parv::Uri::from_bytes([0xab; 32])), "abababababab");
    }
}
