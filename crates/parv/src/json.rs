//! How the vocabulary is written where a face shows it as JSON: modes as the number of the initial commit, votes by
//! their name, messages as they stand in their commit.

use parv_model::{Message, Mode, Refusal, VoteKind};
use parv_validator::Content;
use serde::ser::{Error, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A mode as its number.
pub(crate) fn mode<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(mode.number())
}

/// A mode from its number.
pub(crate) fn read_mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mode, D::Error> {
    let number = u64::deserialize(deserializer)?;
    Mode::from_number(number).ok_or_else(|| serde::de::Error::custom(format!("no mode has the number {number}")))
}

/// A kind of vote as its name.
pub(crate) fn vote_kind<S: Serializer>(kind: &VoteKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

/// How something is shown that was said at the same time as a ban of its author, as a word, or null.
pub(crate) fn content<S: Serializer>(content: &Option<Content>, serializer: S) -> Result<S::Ok, S::Error> {
    content.map(Content::name).serialize(serializer)
}

/// A message as the JSON object that stands in its commit.
pub(crate) fn message<S: Serializer>(message: &Message, serializer: S) -> Result<S::Ok, S::Error> {
    let value: serde_json::Value = serde_json::from_slice(&message.encode()).map_err(S::Error::custom)?;
    value.serialize(serializer)
}

/// A refusal as `{"commit", "rule", "why"}`.
pub(crate) fn refusal<S: Serializer>(refusal: &Refusal, serializer: S) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_struct("Refusal", 3)?;
    fields.serialize_field("commit", &refusal.commit)?;
    fields.serialize_field("rule", refusal.rule.name())?;
    fields.serialize_field("why", &refusal.why)?;
    fields.end()
}

/// The same for one that may not be there.
pub(crate) fn refusal_or_null<S: Serializer>(value: &Option<Refusal>, serializer: S) -> Result<S::Ok, S::Error> {
    struct Shown<'a>(&'a Refusal);
    impl Serialize for Shown<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            refusal(self.0, serializer)
        }
    }
    value.as_ref().map(Shown).serialize(serializer)
}

/// A mode as its number, or null.
pub(crate) fn mode_or_null<S: Serializer>(mode: &Option<Mode>, serializer: S) -> Result<S::Ok, S::Error> {
    mode.map(Mode::number).serialize(serializer)
}
