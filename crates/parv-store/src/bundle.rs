//! Git bundles: a few lines that name refs, and a pack.
//!
//! A bundle is taken to be as hostile as what a peer sends: the same scan, the same limits, before anything is unpacked.

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

/// The longest header that is read, in bytes: room for thousands of refs.
const MAX_HEADER_BYTES: u64 = 1024 * 1024;

/// Unpacks a bundle into an empty repository and says what its refs point to, by their full names.
pub(crate) fn unpack(path: &Path, into: &Repository) -> Result<BTreeMap<String, CommitId>, ForeignError> {
    let file = File::open(path).map_err(|error| ForeignError::Unreadable(error.to_string()))?;
    let mut reader = BufReader::new(file);
    let refs = header(&mut reader)?;
    let limits = FetchLimits::default();
    let mut stream = Scanned { reader, scan: PackScan::new(&limits), error: None, passed: 0 };
    let parent = layout::quarantine(into.path())?;
    let received = Pack::receive(&mut stream, &parent);
    // When the scan refused to go on, it knows better why than whoever read from it.
    let pack = match (received, stream.error.take()) {
        (_, Some(error)) | (Err(error), None) => return Err(error.into()),
        (Ok(pack), None) => pack.ok_or_else(|| FetchError::Pack("it is empty".into()))?,
    };
    pack.move_into(into.places())?;
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

/// A pack in a file, scanned before anybody sees it.
struct Scanned<'l> {
    reader: BufReader<File>,
    scan: PackScan<'l>,
    error: Option<FetchError>,
    /// How many of the buffered bytes were scanned.
    passed: usize,
}

impl BufRead for Scanned<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.error.is_none() && self.passed == 0 {
            let bytes = self.reader.fill_buf()?;
            self.passed = bytes.len();
            let scanned = if bytes.is_empty() && !self.scan.is_done() {
                Err(FetchError::Pack("it is cut off".into()))
            } else {
                self.scan.feed(bytes)
            };
            self.error = scanned.err();
        }
        if self.error.is_some() {
            return Err(io::Error::other("the pack was refused"));
        }
        Ok(&self.reader.buffer()[..self.passed])
    }

    fn consume(&mut self, amount: usize) {
        self.passed -= amount;
        self.reader.consume(amount);
    }
}

impl Read for Scanned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.fill_buf()?.read(buffer)?;
        self.consume(amount);
        Ok(amount)
    }
}
