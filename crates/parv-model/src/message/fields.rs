//! Reading a message: every field is taken out by its name, and none may be left over.

use super::{Call, EditForm, FileAnnouncement, Message, MessageError, VoteKind};
use crate::id::{CommitId, Uri};
use crate::mode::Mode;
use crate::target::Target;
use serde_json::{Map, Value};

/// The fields of a message that is being read; each is taken out, and none may be left over.
pub(super) struct Fields {
    kind: String,
    rest: Map<String, Value>,
}

impl Fields {
    pub(super) fn new(mut rest: Map<String, Value>) -> Result<Self, MessageError> {
        match rest.remove("type") {
            Some(Value::String(kind)) => Ok(Self { kind, rest }),
            _ => Err(MessageError::NotJson("no field \"type\" that is a text".into())),
        }
    }

    fn malformed(&self, why: impl Into<String>) -> MessageError {
        MessageError::Malformed { kind: self.kind.clone(), why: why.into() }
    }

    pub(super) fn message(mut self) -> Result<Message, MessageError> {
        let message = match self.kind.as_str() {
            "initial" => self.initial()?,
            Message::TEXT => self.text_message()?,
            Message::EDITED => Message::Edit { of: self.id("edit")?, body: self.text("body")?, form: EditForm::Edited },
            Message::FILE => self.file()?,
            Message::CALL => self.call()?,
            "member" => self.member()?,
            "vote" => {
                let action = self.text("action")?;
                let kind = VoteKind::from_name(&action).ok_or_else(|| self.unknown_action(&action))?;
                Message::Vote(kind, self.target(kind)?)
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

    /// A text, or one that refers to an earlier message in exactly one way.
    fn text_message(&mut self) -> Result<Message, MessageError> {
        let body = self.text("body")?;
        let has = |key: &str| self.rest.contains_key(key);
        Ok(match (has("reply-to"), has("react-to"), has("edit")) {
            (false, false, false) => Message::Text { body },
            (true, false, false) => Message::Reply { to: self.id("reply-to")?, body },
            (false, true, false) => Message::Reaction { to: self.id("react-to")?, body },
            (false, false, true) => Message::Edit { of: self.id("edit")?, body, form: EditForm::Text },
            _ => return Err(self.malformed("it refers to an earlier message in more than one way")),
        })
    }

    fn file(&mut self) -> Result<Message, MessageError> {
        let mut sha3sum = [0; 64];
        let digits = self.text("sha3sum")?;
        let lower = !digits.bytes().any(|byte| byte.is_ascii_uppercase());
        if !lower || hex::decode_to_slice(&digits, &mut sha3sum).is_err() {
            return Err(self.malformed("\"sha3sum\" is not 128 lowercase hex digits"));
        }
        let file = FileAnnouncement {
            tid: self.text("tid")?,
            display_name: self.text("displayName")?,
            total_size: self.number("totalSize")?,
            sha3sum,
        };
        match file.flaw() {
            Some(flaw) => Err(self.malformed(flaw)),
            None => Ok(Message::File(file)),
        }
    }

    fn call(&mut self) -> Result<Message, MessageError> {
        let call = if self.rest.contains_key("to") {
            Call::Ended { to: self.uri("to")?, duration: self.number("duration")? }
        } else {
            let device = self.text("device")?.parse();
            let device = device.map_err(|error| self.malformed(format!("\"device\" is {error}")))?;
            let ended = self.rest.contains_key("duration");
            let duration = if ended { Some(self.number("duration")?) } else { None };
            Call::Hosted { uri: self.uri("uri")?, device, conference: self.text("confId")?, duration }
        };
        match call.flaw() {
            Some(flaw) => Err(self.malformed(flaw)),
            None => Ok(Message::Call(call)),
        }
    }

    fn member(&mut self) -> Result<Message, MessageError> {
        let action = self.text("action")?;
        match action.as_str() {
            "add" => Ok(Message::Add(self.uri("uri")?)),
            "join" => Ok(Message::Join(self.uri("uri")?)),
            "remove" => Ok(Message::Leave(self.uri("uri")?)),
            other => match VoteKind::from_name(other) {
                Some(kind) => Ok(Message::Resolve(kind, self.target(kind)?)),
                None => Err(self.unknown_action(other)),
            },
        }
    }

    /// What a vote of this kind is about: a person as `uri`, or a device as `device`.
    fn target(&mut self, kind: VoteKind) -> Result<Target, MessageError> {
        if !self.rest.contains_key("device") {
            return Ok(Target::Account(self.uri("uri")?));
        }
        if !kind.concerns_devices() {
            return Err(self.malformed("a device can only be banned or unbanned"));
        }
        let device = self.text("device")?.parse();
        device.map(Target::Device).map_err(|error| self.malformed(format!("\"device\" is {error}")))
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

    /// A whole number, which these messages write as a text (seed): decimal digits in their one form.
    fn number(&mut self, key: &str) -> Result<u64, MessageError> {
        let text = self.text(key)?;
        text.parse().map_err(|_| self.malformed(format!("{key:?} is not a whole number")))
    }

    fn id(&mut self, key: &str) -> Result<CommitId, MessageError> {
        self.text(key)?.parse().map_err(|error| self.malformed(format!("{key:?} is {error}")))
    }

    fn uri(&mut self, key: &str) -> Result<Uri, MessageError> {
        self.text(key)?.parse().map_err(|error| self.malformed(format!("{key:?} is {error}")))
    }
}
