//! Messages: whatever is accepted is canonical, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parv_model::Message;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(message.encode(), bytes, "an accepted message has one spelling");
    }
});
