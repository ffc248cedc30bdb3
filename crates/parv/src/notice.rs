//! "I have this commit": the notice `application/im-gitmessage-id` (requirement N3), plain to one device and sealed to a
//! topic.
//!
//! On a topic it is sealed under a key that follows from the tree of the sender's state, so that a removed device, which
//! does not learn the new tree, cannot read it. Who cannot open it but knows the sender as a member fetches from the
//! sender anyway.

use crate::sealed::SealingKey;
use parv_model::{CommitId, ConversationId, DeviceId, TreeId};
use parv_net::Envelope;
use serde::{Deserialize, Serialize};

const KEY_CONTEXT: &str = "parv 1 key that seals announcements of a conversation";

/// A device has a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notice {
    /// Of which conversation.
    pub(crate) id: ConversationId,
    /// Which commit; it is one of the device's heads.
    pub(crate) commit: CommitId,
    /// Which device.
    pub(crate) device_id: DeviceId,
}

impl Notice {
    /// Its media type.
    pub(crate) const MIME: &'static str = "application/im-gitmessage-id";

    /// The notice as a message.
    pub(crate) fn envelope(&self) -> Envelope {
        Envelope::new(Self::MIME, self.bytes())
    }

    /// Reads the notice that `sender` sent; none if it is malformed or another device's.
    pub(crate) fn read(bytes: &[u8], sender: &DeviceId) -> Option<Self> {
        let notice: Self = serde_json::from_slice(bytes).ok()?;
        (notice.device_id == *sender).then_some(notice)
    }

    /// The notice for a topic.
    pub(crate) fn seal(&self, key: &NoticeKey) -> Result<Vec<u8>, getrandom::Error> {
        key.0.seal(&self.bytes(), &self.device_id)
    }

    /// Opens what `sender` put on a topic, if one of the keys fits. The inside may still be malformed: `Some(None)`.
    pub(crate) fn open<'a>(
        bytes: &[u8],
        keys: impl IntoIterator<Item = &'a NoticeKey>,
        sender: &DeviceId,
    ) -> Option<Option<Self>> {
        keys.into_iter().find_map(|key| key.0.open(bytes, sender)).map(|plain| Self::read(&plain, sender))
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("three ids are always JSON")
    }
}

/// What announcements of those whose state has a certain tree are sealed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoticeKey(SealingKey);

impl NoticeKey {
    pub(crate) fn of(id: &ConversationId, tree: &TreeId) -> Self {
        let material = [id.root().as_bytes().as_slice(), tree.as_bytes()].concat();
        Self(SealingKey::derive(KEY_CONTEXT, &material))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            id: ConversationId::new(CommitId::from_bytes([1; 20])),
            commit: CommitId::from_bytes([2; 20]),
            device_id: DeviceId::from_bytes([3; 32]),
        }
    }

    fn key(tree: u8) -> NoticeKey {
        NoticeKey::of(&notice().id, &TreeId::from_bytes([tree; 20]))
    }

    #[test]
    fn only_who_knows_the_tree_can_read_it() {
        let sealed = notice().seal(&key(7)).unwrap();
        let sender = notice().device_id;
        assert_eq!(Notice::open(&sealed, &[key(6), key(7)], &sender), Some(Some(notice())));
        assert_eq!(Notice::open(&sealed, &[key(6)], &sender), None);
        assert_eq!(Notice::open(&sealed, &[key(7)], &DeviceId::from_bytes([4; 32])), None);
    }

    #[test]
    fn its_json_is_that_of_the_seed() {
        let text = String::from_utf8(notice().envelope().body).unwrap();
        let (id, commit, device) = ("01".repeat(20), "02".repeat(20), "03".repeat(32));
        assert_eq!(text, format!(r#"{{"id":"{id}","commit":"{commit}","deviceId":"{device}"}}"#));
        assert_eq!(Notice::read(text.as_bytes(), &notice().device_id), Some(notice()));
        assert_eq!(Notice::read(text.as_bytes(), &DeviceId::from_bytes([9; 32])), None);
    }
}
