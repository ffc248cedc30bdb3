//! Wire frames: what a peer may send on a message stream, frame and envelope.

pub(crate) use envelope::Envelope;
use std::io::ErrorKind;

#[path = "../../crates/parv-net/src/envelope.rs"]
#[allow(dead_code, missing_docs, reason = "the node uses all of it")]
mod envelope;
#[path = "../../crates/parv-net/src/frame.rs"]
mod frame;

/// Those of `parv-net`'s errors that its codecs give.
#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub(crate) enum NetError {
    /// Something is larger than its limit.
    TooLong {
        /// What.
        what: &'static str,
        /// Its size, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Bytes are not what they should be.
    Malformed {
        /// What they should be.
        what: &'static str,
        /// What is wrong with them.
        why: String,
    },
}

/// The frame in which this is sent.
///
/// # Panics
/// When it is longer than a frame may be.
pub fn frame_of(mime: &str, body: &[u8]) -> Vec<u8> {
    let envelope = Envelope::new(mime, body).encode().expect("a short envelope");
    let mut written = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(frame::write(&mut written, &envelope)).expect("a short frame");
    written
}

/// A frame is read to its end and no further; an envelope inside has one spelling, but for fields of later versions.
pub fn hold(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut stream = bytes;
    let frame = match runtime.block_on(frame::read(&mut stream)) {
        Ok(frame) => frame,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData), "{error}");
            return;
        }
    };
    let mut written = Vec::new();
    runtime.block_on(frame::write(&mut written, &frame)).expect("a frame that was read can be written");
    assert_eq!(written, bytes[..bytes.len() - stream.len()], "a frame has one spelling");
    if let Ok(envelope) = Envelope::decode(&frame) {
        let again = envelope.encode().expect("an envelope that was read can be written");
        assert!(again.len() <= frame.len(), "without unknown fields it is not longer");
        assert_eq!(Envelope::decode(&again).expect("our own words"), envelope);
        if again.len() == frame.len() {
            assert_eq!(again, frame, "an envelope has one spelling");
        }
    }
}
