//! `parv push`: being woken when nothing of Parv runs on this device.

use super::ask;
use crate::args::{Global, PushVerb};
use crate::failure::Failure;
use parv_daemon::Request;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The longest body of a push message that is read, in bytes (RFC 8030, section 7.2, asks services for 4096).
const MAX_BODY_BYTES: u64 = 4096;

/// Does what was typed.
pub async fn run(global: &Global, verb: PushVerb) -> Result<(), Failure> {
    let request = match verb {
        PushVerb::Subscribe { endpoint, contact } => Request::PushSubscribe { endpoint, contact },
        PushVerb::Unsubscribe => Request::PushUnsubscribe,
        PushVerb::Status => Request::PushStatus,
        PushVerb::Open { file } => Request::PushOpen { body: read(&file)? },
    };
    ask(global, request).await
}

/// The bytes of a message; of standard input for "-".
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let read = match path.to_str() {
        Some("-") => std::io::stdin().lock().take(MAX_BODY_BYTES + 1).read_to_end(&mut body),
        _ => File::open(path).and_then(|file| file.take(MAX_BODY_BYTES + 1).read_to_end(&mut body)),
    };
    let fail =
        |why: &dyn std::fmt::Display| Failure::error(format!("cannot read the message in {}: {why}", path.display()));
    read.map_err(|error| fail(&error))?;
    match body.len() as u64 <= MAX_BODY_BYTES {
        true => Ok(body),
        false => Err(fail(&format!("it has more than {MAX_BODY_BYTES} bytes"))),
    }
}
