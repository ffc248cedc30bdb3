//! Canonical JSON: every message can be written and read, and no respelling of it is taken.

use arbitrary::{Arbitrary, Result, Unstructured};
use parv_model::{
    Call, CommitId, DeviceId, EditForm, FileAnnouncement, Message, MessageError, Mode, Target, Uri, VoteKind,
    limits::MAX_MESSAGE_BYTES,
};
use serde_json::Value;
use std::fmt::Write;

/// Makes a message and a way of respelling it out of the input.
pub fn hold(bytes: &[u8]) {
    let _ = hold_for(&mut Unstructured::new(bytes));
}

fn hold_for(input: &mut Unstructured<'_>) -> Result<()> {
    let respelling = Respelling::arbitrary(input)?;
    let message = message(input)?;
    let bytes = message.encode();
    let value: Value = serde_json::from_slice(&bytes).expect("a message is JSON");
    assert_eq!(canonical(&value).as_bytes(), bytes, "a message is written in canonical form");
    match Message::decode(&bytes) {
        Ok(read) => assert_eq!(read, message),
        Err(MessageError::TooLong(_)) => assert!(bytes.len() > MAX_MESSAGE_BYTES),
        // A file's name or a conference's id may be one that no message can have.
        Err(MessageError::Malformed { .. }) => assert!(matches!(message, Message::File(_) | Message::Call(_))),
        Err(other) => panic!("{message:?} is written so that it cannot be read: {other}"),
    }
    let respelled = respelling.write(&value);
    assert_eq!(serde_json::from_str::<Value>(&respelled).ok().as_ref(), Some(&value), "a respelling means the same");
    if respelled.as_bytes() != bytes {
        assert!(Message::decode(respelled.as_bytes()).is_err(), "{respelled} was taken");
    }
    Ok(())
}

/// RFC 8785, written down once more and independently of the model, for what messages consist of.
///
/// # Panics
/// For numbers that are not small and whole.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<u16>>());
            let fields: Vec<_> = fields.iter().map(|(name, value)| text(name) + ":" + &canonical(value)).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::String(string) => text(string),
        Value::Number(number) => number.as_u64().filter(|number| *number < 1 << 53).expect("a mode").to_string(),
        Value::Bool(_) | Value::Null => value.to_string(),
    }
}

/// A text by RFC 8785 §3.2.2.2.
fn text(string: &str) -> String {
    let mut out = String::from("\"");
    for c in string.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\u{8}' => out += "\\b",
            '\t' => out += "\\t",
            '\n' => out += "\\n",
            '\u{c}' => out += "\\f",
            '\r' => out += "\\r",
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).expect("a text grows"),
            c => out.push(c),
        }
    }
    out + "\""
}

/// Another spelling of the same value: with blanks, another order of its fields, or characters as escapes.
#[derive(Debug, Arbitrary)]
struct Respelling {
    /// What stands after every name and value.
    blank: Option<Blank>,
    /// By how many places the fields are turned round.
    turned: u8,
    /// Every so-manieth character is an escape; none if 0.
    escaped: u8,
    /// Whether escapes have capital digits.
    capitals: bool,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Blank {
    Space,
    Tab,
    Line,
    Return,
}

impl Respelling {
    fn write(&self, value: &Value) -> String {
        let Value::Object(fields) = value else { return canonical(value) };
        let blank = match self.blank {
            None => "",
            Some(Blank::Space) => " ",
            Some(Blank::Tab) => "\t",
            Some(Blank::Line) => "\n",
            Some(Blank::Return) => "\r",
        };
        let mut fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| {
                let value = if let Value::String(text) = value { self.text(text) } else { canonical(value) };
                format!("{}{blank}:{value}{blank}", self.text(name))
            })
            .collect();
        fields.sort();
        let turned = usize::from(self.turned) % fields.len();
        fields.rotate_left(turned);
        format!("{{{}}}", fields.join(","))
    }

    fn text(&self, string: &str) -> String {
        let mut out = String::from("\"");
        for (place, c) in string.chars().enumerate() {
            if self.escaped > 0 && place % usize::from(self.escaped) == 0 {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let escape = if self.capitals { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
                    out += &escape;
                }
            } else {
                out += text(c.encode_utf8(&mut [0; 4])).trim_start_matches('"').strip_suffix('"').unwrap_or_default();
            }
        }
        out + "\""
    }
}

/// A message of any kind.
pub(crate) fn message(input: &mut Unstructured<'_>) -> Result<Message> {
    let uri = |input: &mut Unstructured<'_>| Ok::<_, arbitrary::Error>(Uri::from_bytes([input.arbitrary()?; 32]));
    let id = |input: &mut Unstructured<'_>| Ok::<_, arbitrary::Error>(CommitId::from_bytes([input.arbitrary()?; 20]));
    let kind = *input.choose(&VoteKind::ALL)?;
    Ok(match input.int_in_range(0..=14_u8)? {
        0 => {
            let mode = Mode::from_number(input.int_in_range(0..=3)?).expect("a mode");
            Message::Initial { mode, invited: if input.arbitrary()? { Some(uri(input)?) } else { None } }
        }
        1 => Message::Text { body: input.arbitrary()? },
        2 => Message::Reply { to: id(input)?, body: input.arbitrary()? },
        3 => Message::Reaction { to: id(input)?, body: input.arbitrary()? },
        4 => Message::Edit { of: id(input)?, form: EditForm::Edited, body: input.arbitrary()? },
        5 => Message::Edit { of: id(input)?, form: EditForm::Text, body: input.arbitrary()? },
        6 => Message::File(FileAnnouncement {
            total_size: input.arbitrary()?,
            sha3sum: [input.arbitrary()?; 64],
            tid: input.arbitrary()?,
            display_name: input.arbitrary()?,
        }),
        7 => Message::Call(Call::Ended { to: uri(input)?, duration: input.arbitrary()? }),
        8 => Message::Call(Call::Hosted {
            uri: uri(input)?,
            device: DeviceId::from_bytes([input.arbitrary()?; 32]),
            duration: input.arbitrary()?,
            conference: input.arbitrary()?,
        }),
        9 => Message::Add(uri(input)?),
        10 => Message::Join(uri(input)?),
        11 => Message::Leave(uri(input)?),
        12 => Message::Vote(kind, target(input, kind)?),
        13 => Message::Resolve(kind, target(input, kind)?),
        _ => {
            if input.arbitrary()? {
                Message::Merge
            } else {
                Message::UpdateProfile
            }
        }
    })
}

/// Whom a vote of this kind may be about.
fn target(input: &mut Unstructured<'_>, kind: VoteKind) -> Result<Target> {
    let id = [input.arbitrary()?; 32];
    let of_device = matches!(kind, VoteKind::Ban | VoteKind::Unban) && input.arbitrary()?;
    Ok(if of_device { DeviceId::from_bytes(id).into() } else { Uri::from_bytes(id).into() })
}
