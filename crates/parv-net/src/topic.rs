//! Names under which conversations and accounts are found, without saying which they are.
//!
//! Each is a BLAKE3 `derive_key` output with a context string of its own (protocol, "Conversation id and topic"): who
//! knows a conversation's id can compute its topic and its key, nobody can compute the id, or one name from another.

use crate::limits::PROVIDER_RECORD_LIFETIME;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libp2p::gossipsub::{IdentTopic, TopicHash};
use libp2p::kad::RecordKey;
use parv_model::{ConversationId, DeviceId, Uri};
use std::fmt;
use std::time::Duration;

const TOPIC_OF_CONVERSATION: &str = "parv 1 gossip topic of a conversation";
const KEY_OF_CONVERSATION: &str = "parv 1 provider key of a conversation";
const KEY_OF_ACCOUNT: &str = "parv 1 provider key of an account";
/// For how many days a provider record under a lasting key is kept: as long as a letter lives.
const LASTING_DAYS: u8 = 14;

const KEY_OF_DEVICE: &str = "parv 1 address record key of a device";

/// The gossip topic of a conversation. As a text, 43 characters: a node tells every new neighbour all it follows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic([u8; 32]);

impl Topic {
    /// The topic of this conversation.
    pub fn of(conversation: &ConversationId) -> Self {
        Self(blake3::derive_key(TOPIC_OF_CONVERSATION, conversation.root().as_bytes()))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn on_the_wire(&self) -> IdentTopic {
        IdentTopic::new(self.to_string())
    }

    pub(crate) fn from_wire(hash: &TopicHash) -> Option<Self> {
        // The alphabet has one text for 32 bytes: the decoder refuses bits that stand for nothing.
        URL_SAFE_NO_PAD.decode(hash.as_str()).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({self})")
    }
}

/// A key of the distributed table: devices say under it that they provide something, or put a record there.
///
/// What is provided under most keys is worth something for a day. Under a lasting key it is for longer: whose device one
/// is, and that a letter lies somewhere. A lasting key says so in one more byte, the number of days, so that those who keep
/// what they do not understand know for how long.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    name: [u8; 32],
    lasting: bool,
}

impl Key {
    /// Where the devices that have this conversation say so.
    pub fn of_conversation(conversation: &ConversationId) -> Self {
        Self::passing(blake3::derive_key(KEY_OF_CONVERSATION, conversation.root().as_bytes()))
    }

    /// Where the devices of this account say that they are its devices.
    pub fn of_account(account: &Uri) -> Self {
        Self::lasting(blake3::derive_key(KEY_OF_ACCOUNT, account.as_bytes()))
    }

    /// Where this device says how it is reached; see [`crate::AddressRecord`].
    pub fn of_device(device: &DeviceId) -> Self {
        Self::passing(blake3::derive_key(KEY_OF_DEVICE, device.as_bytes()))
    }

    pub(crate) const fn passing(name: [u8; 32]) -> Self {
        Self { name, lasting: false }
    }

    pub(crate) const fn lasting(name: [u8; 32]) -> Self {
        Self { name, lasting: true }
    }

    /// Its name.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.name
    }

    pub(crate) fn record_key(&self) -> RecordKey {
        match self.lasting {
            true => RecordKey::from([self.name.as_slice(), &[LASTING_DAYS]].concat()),
            false => RecordKey::new(&self.name),
        }
    }

    /// For how long what is provided under a key is kept.
    pub(crate) fn lifetime(key: &RecordKey) -> Duration {
        match key.as_ref() {
            [.., days] if key.as_ref().len() == 33 => PROVIDER_RECORD_LIFETIME * u32::from(LASTING_DAYS.min(*days)),
            _ => PROVIDER_RECORD_LIFETIME,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", blake3::Hash::from_bytes(self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parv_model::CommitId;

    #[test]
    fn a_topic_comes_back_from_the_wire() {
        let topic = Topic::of(&ConversationId::new(CommitId::from_bytes([7; 20])));
        assert_eq!(Topic::from_wire(&topic.on_the_wire().hash()), Some(topic));
        let text = topic.to_string();
        assert_eq!(text.len(), 43);
        let other_bits = format!("{}B", "A".repeat(42));
        for other in ["", "A", "chat", &text[1..], &format!("{text}="), &format!("{text}A"), &other_bits] {
            assert_eq!(Topic::from_wire(&TopicHash::from_raw(other)), None, "{other}");
        }
    }

    #[test]
    fn names_do_not_contain_the_id_and_differ_by_use() {
        let conversation = ConversationId::new(CommitId::from_bytes([7; 20]));
        let topic = Topic::of(&conversation);
        let key = Key::of_conversation(&conversation);
        assert_ne!(topic.as_bytes(), key.as_bytes());
        for name in [topic.as_bytes(), key.as_bytes()] {
            assert!(!name.windows(4).any(|part| part == [7; 4]));
        }
        assert!(!topic.to_string().contains(&conversation.to_string()[..8]));
        let account = Uri::from_bytes([9; 32]);
        assert!(!Key::of_account(&account).as_bytes().windows(4).any(|part| part == [9; 4]));
        assert_ne!(Key::of_account(&account), Key::of_device(&DeviceId::from_bytes([9; 32])));
        assert_ne!(topic, Topic::of(&ConversationId::new(CommitId::from_bytes([8; 20]))));
    }
}
