//! Git bundles: a few lines that name refs, and a pack.
//!
//! A bundle is taken to be as hostile as what a peer sends: the same scan, the same limits, before anything is unpacked.

use crate::error::StoreError;
use crate::fetch::pack_scan::PackScan;
use crate::fetch::{FetchError, FetchLimits};
use crate::foreign::ForeignError;
use crate::layout;
use crate::objects::to_commit;
use crate::pack::Pack;
use crate::repository::Repository;
use gix::ObjectId;
use parv_model::CommitId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

/// The longest header that is read, in bytes: room for thousands of refs.
const MAX_HEADER_BYTES: u64 = 1024 * 1024;

/// How much of a pack is scanned at a time, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// How many chunks may wait to be unpacked.
const CHUNKS_AHEAD: usize = 16;

/// Unpacks a bundle into an empty repository and says what its refs point to, by their full names.
pub(crate) fn unpack(path: &Path, into: &Repository) -> Result<BTreeMap<String, CommitId>, ForeignError> {
    let file = File::open(path).map_err(|error| ForeignError::Unreadable(error.to_string()))?;
    let mut reader = BufReader::new(file);
    let refs = header(&mut reader)?;
    let limits = FetchLimits::default();
    let parent = layout::quarantine(into.path())?;
    // One thread scans ahead of the other that unpacks what has passed.
    let (send, chunks) = mpsc::sync_channel(CHUNKS_AHEAD);
    let (scanned, received) = thread::scope(|scope| {
        let scan = scope.spawn(|| scan(path, reader, &limits, send));
        let mut stream = Scanned { chunks, chunk: Vec::new(), used: 0 };
        let received = Pack::receive(&mut stream, &parent, None);
        drop(stream);
        (scan.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), received)
    });
    // When the scan refused to go on, it knows better why than whoever read from it.
    scanned?;
    let pack = received?.ok_or_else(|| FetchError::Pack("it is empty".into()))?;
    pack.lend_to(into.places())?;
    Ok(refs)
}

/// Reads the lines up to the empty one: the version, capabilities, what the pack builds on, refs.
fn header(reader: &mut impl BufRead) -> Result<BTreeMap<String, CommitId>, ForeignError> {
    let unreadable = |why: &str| ForeignError::Unreadable(why.to_owned());
    let mut reader = reader.take(MAX_HEADER_BYTES);
    let mut line = |what: &str| -> Result<Vec<u8>, ForeignError> {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).map_err(|error| ForeignError::Unreadable(error.to_string()))?;
        match line.pop() {
            Some(b'\n') => Ok(line),
            _ => Err(unreadable(what)),
        }
    };
    let version = line("it is no git bundle")?;
    if version != b"# v2 git bundle" && version != b"# v3 git bundle" {
        return Err(unreadable("it is no git bundle"));
    }
    let mut refs = BTreeMap::new();
    loop {
        let line = line("its header has no end")?;
        match line.first() {
            None => return Ok(refs),
            Some(b'@') if line == b"@object-format=sha1" => {}
            Some(b'@') => return Err(unreadable("it needs a capability that is not known here")),
            Some(b'-') => return Err(unreadable("it is not whole: it builds on commits that are not in it")),
            Some(_) => {
                let mut words = line.splitn(2, |&byte| byte == b' ');
                let id = ObjectId::from_hex(words.next().unwrap_or_default());
                let id = id.map_err(|_| unreadable("a line of its header is no ref"))?;
                let name = String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
                if refs.insert(name, to_commit(&id)).is_some() {
                    return Err(unreadable("its header names a ref twice"));
                }
            }
        }
    }
}

/// Scans a pack to its end and passes on what is good, as long as anybody wants it.
fn scan(
    path: &Path,
    mut reader: impl Read,
    limits: &FetchLimits,
    passed: SyncSender<Vec<u8>>,
) -> Result<(), FetchError> {
    let mut scan = PackScan::new(limits);
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let read = reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
        read.map_err(StoreError::io("read", path)).map_err(FetchError::Store)?;
        if chunk.is_empty() {
            return if scan.is_done() { Ok(()) } else { Err(FetchError::Pack("it is cut off".into())) };
        }
        scan.feed(&chunk)?;
        if passed.send(chunk).is_err() {
            return Ok(());
        }
    }
}

/// What has passed the scan.
struct Scanned {
    chunks: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    used: usize,
}

impl BufRead for Scanned {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.chunk.len()
            && let Ok(next) = self.chunks.recv()
        {
            self.chunk = next;
            self.used = 0;
        }
        Ok(&self.chunk[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}

impl Read for Scanned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.fill_buf()?.read(buffer)?;
        self.consume(amount);
        Ok(amount)
    }
}
