//! What commits say: one JSON object, whose values are single ones. The daemon turns every value into text, and so does this.

use crate::id::Account;
use crate::path::{Ballot, Target};
use parv_model::{CommitId, Mode};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a commit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// As far as the rules care.
    pub kind: Kind,
    /// The media type, or Jami's own word: `text/plain`, `member`, `vote`, `merge`.
    pub media_type: String,
    /// All other fields.
    pub fields: BTreeMap<String, String>,
    /// A field that the rules know, and whose value is not of the kind that it is written with: a number for a text, say. The
    /// daemon reads it all the same.
    pub loose: Option<&'static str>,
}

/// The fields that are always written as texts.
const TEXTS: [&str; 13] = [
    "type",
    "body",
    "uri",
    "action",
    "invited",
    "edit",
    "reply-to",
    "react-to",
    "tid",
    "displayName",
    "totalSize",
    "sha3sum",
    "duration",
];

/// What a commit says, as far as the rules care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first commit.
    Initial {
        /// What the conversation is.
        mode: Mode,
        /// The other person of a one-to-one conversation.
        invited: Option<Account>,
    },
    /// An invitation.
    Add(Account),
    /// An invitation is taken up.
    Join(Account),
    /// Somebody leaves.
    Leave(Account),
    /// An admin votes on somebody; for what is said by the file alone.
    Vote(Target),
    /// A vote is resolved.
    Resolve(Ballot, Target),
    /// The profile changes.
    Profile,
    /// A text takes the place of an earlier one.
    Edit(CommitId),
    /// Anything else that people say: texts, replies, reactions, files, calls, and kinds that are not known yet.
    Said,
    /// Two heads become one. Its text is not looked at.
    Merge,
}

/// Why a text is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not a JSON object of single values.
    #[error("it is not a JSON object of texts and numbers: {0}")]
    Json(String),
    /// No type.
    #[error("it has no type")]
    NoType,
    /// A field is missing, or not what it should be.
    #[error("its field {0:?} is missing or not what it should be")]
    Field(&'static str),
    /// A `member` message with another action.
    #[error("it is about members, but {0:?} is nothing that happens to them")]
    Action(String),
}

impl Message {
    /// Reads the message of a commit with `parents` parents.
    pub fn decode(text: &str, parents: usize) -> Result<Self, MessageError> {
        if parents > 1 {
            return Ok(Self {
                kind: Kind::Merge,
                media_type: "merge".to_owned(),
                fields: BTreeMap::new(),
                loose: None,
            });
        }
        let Values { mut fields, texts } =
            serde_json::from_str(text).map_err(|error| MessageError::Json(error.to_string()))?;
        let known = TEXTS.into_iter().filter(|name| fields.contains_key(*name));
        let loose = known.into_iter().find(|name| !texts.contains(*name)).or(texts.contains("mode").then_some("mode"));
        let media_type = fields.remove("type").filter(|kind| !kind.is_empty()).ok_or(MessageError::NoType)?;
        let kind = kind(&media_type, &fields)?;
        Ok(Self { kind, media_type, fields, loose })
    }

    /// A field, if it is there and not empty.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a text may take its place: texts, replies and reactions, and files that are still offered.
    pub fn is_editable(&self) -> bool {
        match self.media_type.as_str() {
            "text/plain" => true,
            "application/data-transfer+json" => self.fields.contains_key("tid"),
            _ => false,
        }
    }
}

fn kind(media_type: &str, fields: &BTreeMap<String, String>) -> Result<Kind, MessageError> {
    let text = |name: &'static str| fields.get(name).ok_or(MessageError::Field(name));
    let account = |name: &'static str| text(name)?.parse().map_err(|_| MessageError::Field(name));
    let target = || Target::parse(text("uri")?).ok_or(MessageError::Field("uri"));
    Ok(match media_type {
        "initial" => {
            let number = text("mode")?.parse().ok().and_then(Mode::from_number);
            let mode = number.ok_or(MessageError::Field("mode"))?;
            let invited = (mode == Mode::OneToOne).then(|| account("invited")).transpose()?;
            Kind::Initial { mode, invited }
        }
        "member" => match text("action")?.as_str() {
            "add" => Kind::Add(account("uri")?),
            "join" => Kind::Join(account("uri")?),
            "remove" => Kind::Leave(account("uri")?),
            "ban" => Kind::Resolve(Ballot::Ban, target()?),
            "unban" => Kind::Resolve(Ballot::Unban, target()?),
            other => return Err(MessageError::Action(other.chars().take(40).collect())),
        },
        "vote" => Kind::Vote(target()?),
        "application/update-profile" => Kind::Profile,
        "application/edited-message" => {
            // Without a body where it takes a file back.
            Kind::Edit(text("edit")?.parse().map_err(|_| MessageError::Field("edit"))?)
        }
        "text/plain" => {
            text("body")?;
            Kind::Said
        }
        _ => Kind::Said,
    })
}

/// A JSON object whose values are single ones, each field at most once.
struct Values {
    fields: BTreeMap<String, String>,
    /// Those whose values are texts.
    texts: BTreeSet<String>,
}

impl<'de> de::Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Values, M::Error> {
                let (mut fields, mut texts) = (BTreeMap::new(), BTreeSet::new());
                while let Some((name, Single { text, is_text })) = map.next_entry::<String, Single>()? {
                    if is_text {
                        texts.insert(name.clone());
                    }
                    if fields.insert(name, text).is_some() {
                        return Err(de::Error::custom("a field stands there twice"));
                    }
                }
                Ok(Values { fields, texts })
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A single value as text, in the way of the daemon: nothing is the empty text.
struct Single {
    text: String,
    is_text: bool,
}

impl Single {
    fn other(value: impl ToString) -> Self {
        Self { text: value.to_string(), is_text: false }
    }
}

impl<'de> de::Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl Visitor<'_> for Value {
            type Value = Single;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true, false or null")
            }

            fn visit_str<E>(self, text: &str) -> Result<Single, E> {
                Ok(Single { text: text.to_owned(), is_text: true })
            }

            fn visit_i64<E>(self, number: i64) -> Result<Single, E> {
                Ok(Single::other(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Single, E> {
                Ok(Single::other(number))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Single, E> {
                Ok(Single::other(number))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Single, E> {
                Ok(Single::other(value))
            }

            fn visit_unit<E>(self) -> Result<Single, E> {
                Ok(Single::other(""))
            }
        }
        deserializer.deserialize_any(Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rules_need_is_taken_out() {
        let account = "ab".repeat(20);
        let decode = |text: &str| Message::decode(text, 1).map(|message| message.kind);
        assert_eq!(
            decode(r#"{"mode":2,"type":"initial"}"#),
            Ok(Kind::Initial { mode: Mode::InvitesOnly, invited: None })
        );
        assert_eq!(
            decode(&format!(r#"{{"action":"join","type":"member","uri":"{account}"}}"#)),
            Ok(Kind::Join(account.parse().unwrap()))
        );
        assert!(matches!(
            decode(&format!(r#"{{"type":"vote","uri":"{}"}}"#, "cd".repeat(32))),
            Ok(Kind::Vote(Target::Device(_)))
        ));
        assert_eq!(decode(r#"{"type":"application/x-new","n":1.5,"b":true,"z":null}"#), Ok(Kind::Said));
        assert_eq!(Message::decode("anything", 2).unwrap().kind, Kind::Merge);
    }

    #[test]
    fn values_of_another_kind_are_noted() {
        let loose = |text: &str| Message::decode(text, 1).unwrap().loose;
        assert_eq!(loose(r#"{"body":"x","type":"text/plain","n":1}"#), None);
        assert_eq!(loose(r#"{"body":7,"type":"text/plain"}"#), Some("body"));
        assert_eq!(loose(r#"{"type":7}"#), Some("type"));
        assert_eq!(loose(r#"{"mode":"2","type":"initial"}"#), Some("mode"));
        assert_eq!(loose(r#"{"body":"x","reply-to":null,"type":"text/plain"}"#), Some("reply-to"));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for wrong in [
            "just words",
            "[]",
            "{}",
            r#"{"type":""}"#,
            r#"{"type":"text/plain"}"#,
            r#"{"body":["x"],"type":"text/plain"}"#,
            r#"{"body":"x","body":"y","type":"text/plain"}"#,
            r#"{"type":"initial","mode":4}"#,
            r#"{"type":"initial","mode":0}"#,
            r#"{"type":"member","action":"promote","uri":"abababababababababababababababababababab"}"#,
            r#"{"type":"member","action":"add","uri":"../x"}"#,
            r#"{"type":"application/edited-message","body":"x","edit":"y"}"#,
            r#"{"type":"text/plain","body":"\ud83d"}"#,
        ] {
            assert!(Message::decode(wrong, 1).is_err(), "{wrong}");
        }
    }
}
