//! What a commit says: one JSON object in RFC 8785 (canonical) form with exactly the fields of its type
//! (requirements §5, validation §3).
//!
//! Canonical means that there is one byte form for one message: [`Message::decode`] re-encodes what it read and refuses
//! anything that was written differently, so duplicate keys, blanks, other orders and escapes have no second spelling.

use crate::id::{CommitId, Uri};
use crate::limits::MAX_MESSAGE_BYTES;
use crate::mode::Mode;
use crate::target::Target;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

mod call;
mod fields;
mod file;

pub use call::{Call, MAX_CONFERENCE_BYTES};
pub use file::{FileAnnouncement, MAX_FILE_NAME_BYTES, MAX_TID_BYTES};

use fields::Fields;

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

    /// Whether it can be about a single device too.
    pub const fn concerns_devices(self) -> bool {
        matches!(self, VoteKind::Ban | VoteKind::Unban)
    }

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

/// The two ways in which an edit is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EditForm {
    /// As a type of its own, `application/edited-message`.
    #[default]
    Edited,
    /// As `text/plain` with a field `edit`.
    Text,
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
    /// A text that answers an earlier message.
    Reply {
        /// What it answers.
        to: CommitId,
        /// What was written.
        body: String,
    },
    /// A reaction to an earlier message: usually one symbol. An edit that deletes it withdraws it.
    Reaction {
        /// What it is a reaction to.
        to: CommitId,
        /// The reaction.
        body: String,
    },
    /// Another text for an earlier message of the same author. An empty one deletes it.
    Edit {
        /// The message that is edited: the first one, not an earlier edit of it.
        of: CommitId,
        /// The text that takes its place.
        body: String,
        /// Which of its two spellings it has.
        form: EditForm,
    },
    /// A file is offered.
    File(FileAnnouncement),
    /// Something about a call.
    Call(Call),
    /// Somebody is invited.
    Add(Uri),
    /// The author takes up the invitation.
    Join(Uri),
    /// The author leaves.
    Leave(Uri),
    /// An admin's vote.
    Vote(VoteKind, Target),
    /// The resolution of a vote that has a majority.
    Resolve(VoteKind, Target),
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
    const EDITED: &'static str = "application/edited-message";
    const FILE: &'static str = "application/data-transfer+json";
    const CALL: &'static str = "application/call-history+json";

    /// The value of the `type` field.
    pub fn kind(&self) -> &'static str {
        match self {
            Message::Initial { .. } => "initial",
            Message::Text { .. } | Message::Reply { .. } | Message::Reaction { .. } => Self::TEXT,
            Message::Edit { form: EditForm::Text, .. } => Self::TEXT,
            Message::Edit { form: EditForm::Edited, .. } => Self::EDITED,
            Message::File(_) => Self::FILE,
            Message::Call(_) => Self::CALL,
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
            Message::Reply { to, body } => related(&mut set, "reply-to", to, body),
            Message::Reaction { to, body } => related(&mut set, "react-to", to, body),
            Message::Edit { of, body, .. } => related(&mut set, "edit", of, body),
            Message::File(file) => {
                set("tid", file.tid.as_str().into());
                set("displayName", file.display_name.as_str().into());
                set("totalSize", file.total_size.to_string().into());
                set("sha3sum", hex::encode(file.sha3sum).into());
            }
            Message::Call(Call::Ended { to, duration }) => {
                set("to", to.to_string().into());
                set("duration", duration.to_string().into());
            }
            Message::Call(Call::Hosted { uri, device, conference, duration }) => {
                set("uri", uri.to_string().into());
                set("device", device.to_string().into());
                set("confId", conference.as_str().into());
                if let Some(duration) = duration {
                    set("duration", duration.to_string().into());
                }
            }
            Message::Add(uri) => member(&mut set, "add", uri),
            Message::Join(uri) => member(&mut set, "join", uri),
            Message::Leave(uri) => member(&mut set, "remove", uri),
            Message::Vote(kind, Target::Account(uri)) | Message::Resolve(kind, Target::Account(uri)) => {
                member(&mut set, kind.name(), uri);
            }
            Message::Vote(kind, Target::Device(device)) | Message::Resolve(kind, Target::Device(device)) => {
                set("action", kind.name().into());
                set("device", device.to_string().into());
            }
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

fn related(set: &mut impl FnMut(&'static str, Value), relation: &'static str, to: &CommitId, body: &str) {
    set("body", body.into());
    set(relation, to.to_string().into());
}

fn member(set: &mut impl FnMut(&'static str, Value), action: &str, uri: &Uri) {
    set("action", action.into());
    set("uri", uri.to_string().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(digit: u8) -> Uri {
        Uri::from_bytes([digit; 32])
    }

    fn commit(digit: u8) -> CommitId {
        CommitId::from_bytes([digit; 20])
    }

    fn hosted(duration: Option<u64>) -> Call {
        let device = crate::id::DeviceId::from_bytes([8; 32]);
        Call::Hosted { uri: uri(7), device, conference: "c0ffee".into(), duration }
    }

    #[test]
    fn every_message_comes_back_from_its_bytes() {
        let mut all = vec![
            Message::Initial { mode: Mode::Public, invited: None },
            Message::Initial { mode: Mode::OneToOne, invited: Some(uri(7)) },
            Message::Text { body: "hello \"swarm\"\n\u{1}\u{7f} \u{1f41d} ž".into() },
            Message::Reply { to: commit(1), body: "yes".into() },
            Message::Reaction { to: commit(2), body: "\u{1f41d}".into() },
            Message::Edit { of: commit(3), body: String::new(), form: EditForm::Edited },
            Message::Edit { of: commit(3), body: "better".into(), form: EditForm::Text },
            Message::File(FileAnnouncement {
                tid: "8Zx1".into(),
                display_name: "bees, many.jpeg".into(),
                total_size: u64::MAX,
                sha3sum: [0xab; 64],
            }),
            Message::Call(Call::Ended { to: uri(6), duration: 3000 }),
            Message::Call(hosted(None)),
            Message::Call(hosted(Some(0))),
            Message::Add(uri(1)),
            Message::Join(uri(2)),
            Message::Leave(uri(3)),
            Message::UpdateProfile,
            Message::Merge,
        ];
        for kind in VoteKind::ALL {
            all.push(Message::Vote(kind, uri(4).into()));
            all.push(Message::Resolve(kind, uri(5).into()));
        }
        let device = crate::id::DeviceId::from_bytes([9; 32]);
        for kind in [VoteKind::Ban, VoteKind::Unban] {
            all.push(Message::Vote(kind, device.into()));
            all.push(Message::Resolve(kind, device.into()));
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
        let (u, c) = (uri(1).to_string(), commit(1).to_string());
        let file = |name: &str, size: &str| {
            let sum = "ab".repeat(64);
            format!(
                r#"{{"displayName":"{name}","sha3sum":"{sum}","tid":"t","totalSize":"{size}","type":"application/data-transfer+json"}}"#
            )
        };
        assert!(Message::decode(file("a", "1").as_bytes()).is_ok());
        assert_eq!(Message::decode(file("a", "01").as_bytes()), Err(MessageError::NotCanonical));
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
            (format!(r#"{{"action":"ban","device":"{u}","type":"vote","uri":"{u}"}}"#), "unexpected field \"uri\""),
            (
                format!(r#"{{"action":"promote","device":"{u}","type":"vote"}}"#),
                "a device can only be banned or unbanned",
            ),
            (
                format!(r#"{{"action":"demote","device":"{u}","type":"member"}}"#),
                "a device can only be banned or unbanned",
            ),
            (format!(r#"{{"action":"add","device":"{u}","type":"member"}}"#), "\"uri\" is missing"),
            (r#"{"action":"ban","type":"vote"}"#.to_owned(), "\"uri\" is missing"),
            (format!(r#"{{"body":"","edit":"{c}","reply-to":"{c}","type":"text/plain"}}"#), "more than one way"),
            (r#"{"body":"","react-to":"HEAD","type":"text/plain"}"#.to_owned(), "not a commit id"),
            (r#"{"body":"","type":"application/edited-message"}"#.to_owned(), "\"edit\" is missing"),
            (file("..", "7"), "plain file name"),
            (file("a/b", "7"), "plain file name"),
            (file("a", "-7"), "not a whole number"),
            (file("a", "18446744073709551616"), "not a whole number"),
            (file("a", "1").replace("tid\":\"t", "tid\":\"../t"), "letters and digits"),
            (file("a", "1").replace("abab", "ABab"), "128 lowercase hex digits"),
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
