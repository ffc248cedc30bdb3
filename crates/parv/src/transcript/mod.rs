//! A whole conversation as plain data: what archives keep, and what is exported and searched.
//!
//! The same for conversations of ours and of other systems, so ids are texts here.

mod html;

use crate::words;
use parv_model::Mode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{self, Write};

/// Which system a conversation is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// Ours.
    Parv,
    /// Jami's.
    Jami,
}

/// A whole conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// Of which system it is.
    pub system: System,
    /// The id of the conversation: that of its first commit.
    pub id: String,
    /// What it is.
    #[serde(serialize_with = "crate::json::mode", deserialize_with = "crate::json::read_mode")]
    pub mode: Mode,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// What it says of itself beyond that.
    pub description: Option<String>,
    /// Everybody who is or was in it.
    pub members: Vec<Person>,
    /// What was said, oldest first. Merges are not in it.
    pub messages: Vec<Line>,
}

/// Somebody in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their account.
    pub uri: String,
    /// What they are, in the words of the system.
    pub role: String,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its commit.
    pub id: String,
    /// The account that wrote it.
    pub author: String,
    /// What the author was called then.
    pub name: String,
    /// When it says it was written, in seconds since 1970.
    pub time: i64,
    /// What it says: an object with a `type`.
    pub message: Value,
}

impl Line {
    /// A field of the message.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.message.get(name).and_then(Value::as_str).filter(|value| !value.is_empty())
    }

    /// The message that this one answers, reacts to or edits.
    pub fn about(&self) -> Option<&str> {
        ["reply-to", "react-to", "edit"].into_iter().find_map(|link| self.field(link))
    }

    /// What it says, in words. They come from outside: whoever shows them makes them harmless first.
    pub fn words(&self) -> String {
        words::message(&self.message)
    }

    /// Whether the words that people chose here (texts, names of files) hold `needle`, whatever the case.
    fn holds(&self, needle: &str) -> bool {
        let mut chosen = ["body", "displayName"].into_iter().filter_map(|name| self.field(name));
        chosen.any(|text| text.to_lowercase().contains(needle))
    }
}

impl Transcript {
    /// The messages whose texts hold these words one after the other, whatever the case.
    pub fn search(&self, words: &str) -> Vec<&Line> {
        let needle = words.to_lowercase();
        self.messages.iter().filter(|line| line.holds(&needle)).collect()
    }

    /// Writes it as one HTML page that needs nothing else: no script, no picture, no address. Whatever people wrote is text
    /// in it.
    pub fn write_html(&self, out: &mut impl Write) -> io::Result<()> {
        html::page(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn transcript() -> Transcript {
        let line = |id: &str, message: Value| Line {
            id: id.to_owned(),
            author: "aa".to_owned(),
            name: "<b>Eve</b>".to_owned(),
            time: 1_700_000_000,
            message,
        };
        Transcript {
            system: System::Jami,
            id: "c0".to_owned(),
            mode: Mode::InvitesOnly,
            title: Some("<script>alert(1)</script>".to_owned()),
            description: None,
            members: vec![Person { uri: "aa".to_owned(), role: "admin".to_owned() }],
            messages: vec![
                line("01", json!({"type": "text/plain", "body": "Grüße & \"co\" <img src=x onerror=y>"})),
                line("02", json!({"type": "text/plain", "body": "yes", "reply-to": "01"})),
                line("03", json!({"type": "text/plain", "body": "no", "reply-to": "\"><script>"})),
                line(
                    "04",
                    json!({"type": "application/data-transfer+json", "displayName": "Plan.txt", "totalSize": "5"}),
                ),
            ],
        }
    }

    #[test]
    fn a_page_holds_no_markup_that_people_wrote() {
        let mut page = Vec::new();
        transcript().write_html(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        for markup in ["<script", "<img", "<b>", "onerror=y>", "\"><script"] {
            assert!(!page.contains(markup), "{markup} in {page}");
        }
        assert!(page.contains("Grüße &amp; &quot;co&quot; &lt;img src=x onerror=y&gt;"), "{page}");
        assert!(page.contains("id=\"m01\"") && page.contains("href=\"#m01\""), "{page}");
        assert_eq!(page.matches("<a ").count(), 1, "what is no commit's name is no link either: {page}");
    }

    #[test]
    fn words_are_found_in_any_case() {
        let transcript = transcript();
        let found = |words: &str| transcript.search(words).iter().map(|line| line.id.as_str()).collect::<Vec<_>>();
        assert_eq!(found("GRÜSSE"), Vec::<&str>::new());
        assert_eq!(found("GRÜßE &"), ["01"]);
        assert_eq!(found("plan"), ["04"]);
        assert_eq!(found("text/plain"), Vec::<&str>::new());
    }

    #[test]
    fn it_comes_back_from_json() {
        let text = serde_json::to_string(&transcript()).unwrap();
        assert_eq!(serde_json::from_str::<Transcript>(&text).unwrap(), transcript());
    }
}
