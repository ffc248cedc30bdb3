//! What messages say, in words: for logs, archives and exports of every system.

use parv_model::Mode;
use serde_json::Value;
use std::fmt::Display;
use time::OffsetDateTime;

/// How many digits of an id are shown where a prefix is enough: unique in practice, and still easy to copy.
const SHORT_DIGITS: usize = 12;

/// The first digits of an id.
pub fn short(id: &impl Display) -> String {
    id.to_string().chars().take(SHORT_DIGITS).collect()
}

/// A moment, in UTC, to the minute.
pub fn date(seconds: i64) -> String {
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(at) => {
            let (year, month, day) = at.to_calendar_date();
            format!("{year:04}-{:02}-{day:02} {:02}:{:02}", u8::from(month), at.hour(), at.minute())
        }
        Err(_) => format!("second {seconds}"),
    }
}

/// What a message says. What people wrote stands in it as it is: whoever shows it makes it harmless first.
///
/// Our messages and Jami's have the same fields, but for votes: there only the file says what they are for.
pub fn message(message: &Value) -> String {
    let fields = Fields(message);
    let body = fields.text("body").unwrap_or_default();
    match fields.text("type").as_deref() {
        Some("text/plain" | "application/edited-message") => said(&fields, &body),
        Some("initial") => {
            let mode = fields.text("mode").and_then(|number| Mode::from_number(number.parse().ok()?));
            let mode = mode.map_or(String::new(), |mode| format!(" ({mode})"));
            let with = fields.text("invited").map_or(String::new(), |uri| format!(" with {}", short(&uri)));
            format!("— began this conversation{mode}{with}")
        }
        Some("member") => match fields.text("action").as_deref() {
            Some("add") => format!("— invited {}", fields.target()),
            Some("join") => "— joined".to_owned(),
            Some("remove") => "— left".to_owned(),
            Some(action) => format!("— by a majority of the admins: {action} {}", fields.target()),
            None => format!("— {message}"),
        },
        Some("vote") => match fields.text("action") {
            Some(kind) => format!("— voted to {kind} {}", fields.target()),
            None => format!("— voted on {}", fields.target()),
        },
        Some("application/update-profile") => "— changed the profile".to_owned(),
        Some("application/data-transfer+json") => {
            let text = |name| fields.text(name).unwrap_or_default();
            format!("— offers the file {} ({} bytes)", text("displayName"), text("totalSize"))
        }
        Some("application/call-history+json") => {
            let seconds = fields.text("duration").and_then(|duration| duration.parse::<u64>().ok()).map(|ms| ms / 1000);
            match (seconds, fields.text("to")) {
                (Some(seconds), Some(to)) => format!("— called {} for {seconds} seconds", short(&to)),
                (Some(seconds), None) => format!("— ended a call of {seconds} seconds"),
                (None, _) => "— began a call".to_owned(),
            }
        }
        Some("merge") => "— merged".to_owned(),
        _ => format!("— {message}"),
    }
}

fn said(fields: &Fields<'_>, body: &str) -> String {
    match (fields.text("edit"), fields.text("react-to"), fields.text("reply-to")) {
        (Some(of), ..) if body.is_empty() => format!("— deleted {}", short(&of)),
        (Some(of), ..) => format!("— edited {}: {body}", short(&of)),
        (_, Some(to), _) => format!("— reacted to {} with {body}", short(&to)),
        (_, _, Some(to)) => format!("(to {}) {body}", short(&to)),
        _ if body.is_empty() => "— (no words)".to_owned(),
        _ => body.to_owned(),
    }
}

struct Fields<'a>(&'a Value);

impl Fields<'_> {
    /// A text or number, if it is there and not empty.
    fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Whom or which device it is about.
    fn target(&self) -> String {
        match (self.text("uri"), self.text("device")) {
            (Some(uri), _) => short(&uri),
            (None, Some(device)) => format!("device {}", short(&device)),
            (None, None) => "somebody".to_owned(),
        }
    }
}
