//! Requests to the daemon, one JSON object a line.

use lines::LineError;
use requests::Request;
use std::io::ErrorKind;

#[path = "../../crates/parv-daemon/src/lines.rs"]
mod lines;
#[path = "../../crates/parv-daemon/src/request.rs"]
#[allow(missing_docs, reason = "the daemon's own link to its limits")]
#[allow(rustdoc::broken_intra_doc_links, reason = "its limits are elsewhere in the daemon")]
mod requests;

/// The longest line, in bytes; short enough that the fuzzer finds longer ones.
const MAX_LINE_BYTES: usize = 1024;

/// Every line is read to its end and no further, or refused for a reason; what is understood is understood as the same when it
/// is written again.
pub fn hold(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut stream = bytes;
    loop {
        let before = stream;
        match runtime.block_on(lines::read::<Request>(&mut stream, MAX_LINE_BYTES)) {
            Ok(None) => return assert!(before.is_empty()),
            Ok(Some(request)) => {
                assert_eq!(before[..before.len() - stream.len()].last(), Some(&b'\n'), "a line is read to its end");
                let mut written = Vec::new();
                runtime.block_on(lines::write(&mut written, &request)).expect("memory can be written to");
                // Escapes may make a line longer than it came.
                let again = runtime.block_on(lines::read::<Request>(&mut &written[..], written.len()));
                assert_eq!(again.expect("our own line"), Some(request));
            }
            Err(LineError::Malformed(_)) => assert!(stream.len() < before.len()),
            Err(LineError::TooLong(limit)) => return assert!(limit == MAX_LINE_BYTES && before.len() > limit),
            Err(LineError::Io(error)) => return assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
        }
    }
}
