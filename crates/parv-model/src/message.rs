//! What a commit says: one JSON object in RFC 8785 (canonical) form with exactly the fields of its type
//! (requirements §5, validation §3).
//!
//! Canonical means that there is one byte form for one message: [`Message::decode`] re-encodes what it read and refuses
//! anything that was written differently, so duplicate keys, blanks, other orders and escapes have no second spelling.

use crate::id::Uri;
use crate::limits::MAX_MESSAGE_BYTES;
use crate::mode::Mode;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// What a vote, and the resolution that it leads to, is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VoteKind {
    /// Remove somebody.
    Ban,
    /// Let a banned one back.
    Unban,
    /// Make a member an admin.
    Promote,
    /// Make an admin a member.
    Demote,
}

impl VoteKind {
    /// All kinds.
    pub const ALL: [VoteKind; 4] = [VoteKind::Ban, VoteKind::Unban, VoteKind::Promote, VoteKind::Demote];

    /// The word for it in messages and paths.
    pub const fn name(self) -> &'static str {
        match self {
            VoteKind::Ban => "ban",
            VoteKind::Unban => "unban",
            VoteKind::Promote => "promote",
            VoteKind::Demote => "demote",
        }
    }

    /// The kind with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for VoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A commit's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The first commit: what the conversation is, and in mode 0 the other person (absent: a conversation with oneself).
    Initial {
        /// The mode, for ever.
        mode: Mode,
        /// Mode 0 only: the other person.
        invited: Option<Uri>,
    },
    /// A text.
    Text {
        /// What was written.
        body: String,
    },
    /// Somebody is invited.
    Add(Uri),
    /// The author takes up the invitation.
    Join(Uri),
    /// The author leaves.
    Leave(Uri),
    /// An admin's vote.
    Vote(VoteKind, Uri),
    /// The resolution of a vote that has a majority.
    Resolve(VoteKind, Uri),
    /// `profile.vcf` was replaced.
    UpdateProfile,
    /// Two heads become one.
    Merge,
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Longer than [`MAX_MESSAGE_BYTES`].
    #[error("the message has {0} bytes, more than the {MAX_MESSAGE_BYTES} allowed")]
    TooLong(usize),
    /// Not one JSON object.
    #[error("the message is not a JSON object: {0}")]
    NotJson(String),
    /// A JSON object, but not in RFC 8785 form.
    #[error("the message is not in canonical (RFC 8785) form")]
    NotCanonical,
    /// A type this version does not know.
    #[error("unknown message type {0:?}; this version may be outdated")]
    UnknownType(String),
    /// A field is missing, superfluous, or holds what it must not.
    #[error("the message of type {kind:?} is malformed: {why}")]
    Malformed {
        /// The message's type.
        kind: String,
        /// What is wrong.
        why: String,
    },
}

impl Message {
    /// The message of type `text/plain`.
    pub const TEXT: &'static str = "text/plain";

    /// The value of the `type` field.
    pub fn kind(&self) -> &'static str {
        match self {
            Message::Initial { .. } => "initial",
            Message::Text { .. } => Self::TEXT,
            Message::Add(_) | Message::Join(_) | Message::Leave(_) | Message::Resolve(..) => "member",
            Message::Vote(..) => "vote",
            Message::UpdateProfile => "application/update-profile",
            Message::Merge => "merge",
        }
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        // Ordered by key bytes, which for our ASCII keys is RFC 8785's order of UTF-16 units. serde_json writes strings
        // with the escapes of RFC 8785 §3.2.2.2, and our only numbers are small integers.
        let mut fields = BTreeMap::new();
        let mut set = |key: &'static str, value: Value| {
            fields.insert(key, value);
        };
        set("type", self.kind().into());
        match self {
            Message::Initial { mode, invited } => {
                set("mode", mode.number().into());
                if let Some(uri) = invited {
                    set("invited", uri.to_string().into());
                }
            }
            Message::Text { body } => set("body", body.as_str().into()),
            Message::Add(uri) => member(&mut set, "add", uri),
            Message::Join(uri) => member(&mut set, "join", uri),
            Message::Leave(uri) => member(&mut set, "remove", uri),
            Message::Vote(kind, uri) | Message::Resolve(kind, uri) => member(&mut set, kind.name(), uri),
            Message::UpdateProfile | Message::Merge => {}
        }
        serde_json::to_vec(&fields).expect("a map of strings and integers is always JSON")
    }

    /// Reads a message and refuses every form but the canonical one.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLong(bytes.len()));
        }
        let fields: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| MessageError::NotJson(error.to_string()))?;
        let message = Fields::new(fields)?.message()?;
        if message.encode() != bytes {
            return Err(MessageError::NotCanonical);
        }
        Ok(message)
    }
}

fn member(set: &mut impl FnMut(&'static str, Value), action: &str, uri: &Uri) {
    set("action", action.into());
    set("uri", uri.to_string().into());
}

/// The fields of a message that is being read; each is taken out, and none may be left over.
struct Fields {
    kind: String,
    rest: Map<String, Value>,
}

impl Fields {
    fn new(mut rest: Map<String, Value>) -> Result<Self, MessageError> {
        match rest.remove("type") {
            Some(Value::String(kind)) => Ok(Self { kind, rest }),
            _ => Err(MessageError::NotJson("no field \"type\" that is a text".into())),
        }
    }

    fn malformed(&self, why: impl Into<String>) -> MessageError {
        MessageError::Malformed { kind: self.kind.clone(), why: why.into() }
    }

    fn message(mut self) -> Result<Message, MessageError> {
        let message = match self.kind.as_str() {
            "initial" => self.initial()?,
            Message::TEXT => Message::Text { body: self.text("body")? },
            "member" => self.member()?,
            "vote" => {
                let action = self.text("action")?;
                let kind = VoteKind::from_name(&action).ok_or_else(|| self.unknown_action(&action))?;
                Message::Vote(kind, self.uri("uri")?)
            }
            "application/update-profile" => Message::UpdateProfile,
            "merge" => Message::Merge,
            _ => return Err(MessageError::UnknownType(self.kind.chars().take(80).collect())),
        };
        match self.rest.keys().next() {
            Some(extra) => Err(self.malformed(format!("unexpected field {extra:?}"))),
            None => Ok(message),
        }
    }

    fn initial(&mut self) -> Result<Message, MessageError> {
        let number = self.rest.remove("mode").and_then(|mode| mode.as_u64());
        let mode = number.and_then(Mode::from_number).ok_or_else(|| self.malformed("\"mode\" is not 0, 1, 2 or 3"))?;
        let invited = if self.rest.contains_key("invited") { Some(self.uri("invited")?) } else { None };
        Ok(Message::Initial { mode, invited })
    }

    fn member(&mut self) -> Result<Message, MessageError> {
        let action = self.text("action")?;
        let uri = self.uri("uri")?;
        match action.as_str() {
            "add" => Ok(Message::Add(uri)),
            "join" => Ok(Message::Join(uri)),
            "remove" => Ok(Message::Leave(uri)),
            other => match VoteKind::from_name(other) {
                Some(kind) => Ok(Message::Resolve(kind, uri)),
                None => Err(self.unknown_action(other)),
            },
        }
    }

    fn unknown_action(&self, action: &str) -> MessageError {
        self.malformed(format!("unknown action {:?}", action.chars().take(80).collect::<String>()))
    }

    fn text(&mut self, key: &str) -> Result<String, MessageError> {
        match self.rest.remove(key) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.malformed(format!("{key:?} is not a text"))),
            None => Err(self.malformed(format!("{key:?} is missing"))),
        }
    }

    fn uri(&mut self, key: &str) -> Result<Uri, MessageError> {
        self.text(key)?.parse().map_err(|error| self.malformed(format!("{key:?} is {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(digit: u8) -> Uri {
        Uri::from_bytes([digit; 32])
    }

    #[test]
    fn every_message_comes_back_from_its_bytes() {
        let mut all = vec![
            Message::Initial { mode: Mode::Public, invited: None },
            Message::Initial { mode: Mode::OneToOne, invited: Some(uri(7)) },
            Message::Text { body: "hello \"swarm\"\n\u{1}\u{7f} \u{1f41d} ž".into() },
            Message::Add(uri(1)),
            Message::Join(uri(2)),
            Message::Leave(uri(3)),
            Message::UpdateProfile,
            Message::Merge,
        ];
        for kind in VoteKind::ALL {
            all.push(Message::Vote(kind, uri(4)));
            all.push(Message::Resolve(kind, uri(5)));
        }
        for message in all {
            assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn a_text_has_one_spelling() {
        assert_eq!(Message::Text { body: "hi".into() }.encode(), br#"{"body":"hi","type":"text/plain"}"#);
        for other in [
            r#"{"type":"text/plain","body":"hi"}"#,
            r#"{ "body":"hi","type":"text/plain"}"#,
            r#"{"body":"hi","body":"hi","type":"text/plain"}"#,
            r#"{"body":"\u0068i","type":"text/plain"}"#,
            "{\"body\":\"hi\",\"type\":\"text/plain\"}\n",
        ] {
            assert_eq!(Message::decode(other.as_bytes()), Err(MessageError::NotCanonical), "{other}");
        }
    }

    #[test]
    fn wrong_messages_are_refused_with_a_reason() {
        let u = uri(1).to_string();
        for (bytes, reason) in [
            ("[]".to_owned(), "not a JSON object"),
            ("{}".to_owned(), "no field \"type\""),
            (r#"{"type":"application/sticker"}"#.to_owned(), "may be outdated"),
            (r#"{"mode":4,"type":"initial"}"#.to_owned(), "is not 0, 1, 2 or 3"),
            (r#"{"mode":1.0,"type":"initial"}"#.to_owned(), "is not 0, 1, 2 or 3"),
            (r#"{"type":"text/plain"}"#.to_owned(), "\"body\" is missing"),
            (r#"{"body":7,"type":"text/plain"}"#.to_owned(), "not a text"),
            (r#"{"body":"","more":1,"type":"text/plain"}"#.to_owned(), "unexpected field \"more\""),
            (format!(r#"{{"action":"eat","type":"member","uri":"{u}"}}"#), "unknown action \"eat\""),
            (r#"{"action":"add","type":"member","uri":"jami:1"}"#.to_owned(), "not a URI"),
            (r#"{"body":"\ud800","type":"text/plain"}"#.to_owned(), "not a JSON object"),
        ] {
            let error = Message::decode(bytes.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{bytes}: {error}");
        }
        assert_eq!(Message::decode(&vec![b' '; 65_537]), Err(MessageError::TooLong(65_537)));
        let deep = [b"[".repeat(60_000), b"]".repeat(4)].concat();
        assert!(matches!(Message::decode(&deep), Err(MessageError::NotJson(_))));
    }
}
