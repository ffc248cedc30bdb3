//! A conversation as one HTML page.

use super::{Line, Transcript};
use crate::words;
use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};

/// What the page looks like; nothing in it is loaded from anywhere.
const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}\
h1{font-size:1.4rem}dl{color:#555}dt{float:left;clear:left;width:6rem}dd{margin-left:6rem;overflow-wrap:anywhere}\
li{list-style:none;margin:.6rem 0}ol{padding:0}.said{white-space:pre-wrap;overflow-wrap:anywhere}\
time,.event,a{color:#777;font-size:.85rem}b{font-weight:600}:target{background:#ffc}\
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}dl{color:#aaa}:target{background:#440}}";

pub(super) fn page(transcript: &Transcript, out: &mut impl Write) -> io::Result<()> {
    let title = transcript.title.as_deref().unwrap_or(&transcript.id);
    writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    // Should an escape ever be missing, the page still can neither run nor load anything.
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>", Escaped(title))?;
    writeln!(out, "<style>{STYLE}</style>\n</head>\n<body>\n<h1>{}</h1>", Escaped(title))?;
    if let Some(description) = &transcript.description {
        writeln!(out, "<p class=\"said\">{}</p>", Escaped(description))?;
    }
    writeln!(out, "<dl>\n<dt>id</dt><dd>{}</dd>\n<dt>mode</dt><dd>{}</dd>", Escaped(&transcript.id), transcript.mode)?;
    for person in &transcript.members {
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", Escaped(&person.role), Escaped(&person.uri))?;
    }
    writeln!(out, "</dl>\n<ol>")?;
    transcript.messages.iter().try_for_each(|line| item(line, out))?;
    writeln!(out, "</ol>\n</body>\n</html>")
}

fn item(line: &Line, out: &mut impl Write) -> io::Result<()> {
    let class = if line.field("body").is_some() { "said" } else { "event" };
    let (id, date) = (Escaped(&line.id), words::date(line.time));
    write!(
        out,
        "<li id=\"m{id}\"><time>{date}</time> <b title=\"{}\">{}</b>",
        Escaped(&line.author),
        Escaped(&line.name)
    )?;
    if let Some(about) = line.about().filter(|about| about.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        write!(out, " <a href=\"#m{about}\">↑</a>")?;
    }
    writeln!(out, "<div class=\"{class}\">{}</div></li>", Escaped(&line.words()))
}

/// A text in which nothing is markup.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(c)?,
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
