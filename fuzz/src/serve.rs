//! Requests to the upload-pack service: whatever is asked, only what is offered is given, in well-formed packets.

use crate::sample::Sample;
use parv_model::CommitId;
use parv_store::{Repository, ServeError, ServeLimits, upload_pack};
use std::cell::OnceCell;
use tempfile::TempDir;

struct Server {
    _folder: TempDir,
    repository: Repository,
    heads: Vec<CommitId>,
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sample = Sample::make();
        let repository = sample.store(&folder.path().join("conversation"), sample.commits.len());
        Self { _folder: folder, repository, heads: sample.heads(sample.commits.len()) }
    }
}

/// Hands the input to the service as a whole request.
pub fn hold(bytes: &[u8]) {
    thread_local!(static SERVER: OnceCell<Server> = const { OnceCell::new() });
    SERVER.with(|cell| {
        let server = cell.get_or_init(Server::new);
        let mut answer = Vec::new();
        let served = upload_pack::serve(&server.repository, bytes, &mut answer, &ServeLimits::default());
        let last = packets(&answer).last().copied();
        match served {
            Ok(served) => {
                assert!(served.heads.iter().all(|head| server.heads.contains(head)), "what was not offered was given");
                assert!(served.objects == 0 || !served.heads.is_empty(), "objects for no head");
            }
            Err(ServeError::Request(why)) => {
                assert!(last.is_some_and(|line| line.starts_with(b"ERR ")), "refused in silence: {why}");
            }
            Err(ServeError::Io(_)) => {}
            Err(ServeError::TooSlow(_)) => panic!("it took too long"),
            Err(ServeError::TooMuch(_)) => panic!("it gave too much"),
            Err(ServeError::Store(error)) => panic!("a request broke the repository: {error}"),
        }
    });
}

/// The packets of an answer, which must be whole; markers are empty.
fn packets(mut answer: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while let Some((length, rest)) = answer.split_first_chunk::<4>() {
        let length = std::str::from_utf8(length).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let length = length.expect("a length").saturating_sub(4);
        packets.push(rest.get(..length).expect("a whole packet"));
        answer = &rest[length..];
    }
    assert!(answer.is_empty(), "half a packet");
    packets
}
