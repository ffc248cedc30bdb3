//! Messages: whatever is accepted has one spelling.

use crate::json;
use parv_model::Message;

/// What is decoded encodes to the same bytes, which are canonical JSON by another program's judgement.
pub fn hold(bytes: &[u8]) {
    let Ok(message) = Message::decode(bytes) else { return };
    assert_eq!(message.encode(), bytes, "an accepted message has one spelling");
    let value: serde_json::Value = serde_json::from_slice(bytes).expect("a message is JSON");
    assert_eq!(json::canonical(&value).as_bytes(), bytes, "an accepted message is canonical");
    assert_eq!(value["type"], message.kind());
}
