//! Announcements of commits: what lies on a topic, sealed, and what is in it when it is opened.

use crate::sample::person;
use parv_model::{CommitId, ConversationId, DeviceId, TreeId};

#[path = "../../crates/parv/src/notice.rs"]
#[allow(dead_code, reason = "the engine uses all of it")]
mod notice;

use notice::{Notice, NoticeKey};

/// Where it lies, and who sent it.
struct Topic {
    key: NoticeKey,
    sender: DeviceId,
}

impl Topic {
    fn new() -> Self {
        let id = ConversationId::new(CommitId::from_bytes([1; 20]));
        Self { key: NoticeKey::of(&id, &TreeId::from_bytes([2; 20])), sender: person().device() }
    }
}

/// What a real one has inside.
pub fn plain() -> Vec<u8> {
    let topic = Topic::new();
    let (id, commit) = (ConversationId::new(CommitId::from_bytes([1; 20])), CommitId::from_bytes([3; 20]));
    Notice { id, commit, device_id: topic.sender }.envelope().body
}

/// Bytes on a topic that nobody sealed are not opened. What is inside of sealed ones is the sender's word or nothing, and
/// is read as it is written again.
pub fn hold(bytes: &[u8]) {
    let Topic { key, sender } = Topic::new();
    assert_eq!(Notice::open(bytes, &[key], &sender), None, "nobody has sealed this");
    let Some(notice) = Notice::read(bytes, &sender) else { return };
    assert_eq!(notice.device_id, sender);
    let sealed = notice.seal(&key).expect("the system gives randomness");
    assert_eq!(Notice::open(&sealed, &[key], &sender), Some(Some(notice)));
}
