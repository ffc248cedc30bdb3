//! The journal: what makes a message durable with a single sync of the disk.
//!
//! Writing a commit the plain way takes four syncs: the object, its folder, the refs, their folder. Instead a record of
//! everything (objects, heads before, heads after) is appended to one file and synced; then objects and refs are written
//! as stock git knows them, without waiting for the disk. If the machine loses power before they got there, the next
//! [`recover`] writes them again from the journal. When the journal is long, the whole file system is synced once and the
//! journal begins anew.
//!
//! ```text
//! file    := record*
//! record  := length (u32) · payload · BLAKE3 of the payload (32 bytes)
//! payload := heads before · heads after · object*
//! heads   := count (u16) · 20 bytes each
//! object  := kind (1 byte) · length (u32) · bytes
//! ```
//!
//! Integers are little-endian. A record that is cut short or does not have its hash ends the file: it was never
//! acknowledged.

use crate::database::Database;
use crate::durable::Durability;
use crate::error::StoreError;
use crate::layout;
use crate::loose::{self, NewObject};
use crate::objects::to_oid;
use crate::view::Places;
use crate::{burst, durable, refs};
use gix::objs::Kind;
use parv_model::{CommitId, object};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FILE: &str = "parv.journal";

/// From this many bytes on, the file system is synced and the journal begins anew: some thousand messages.
const LONG: u64 = 4 * 1024 * 1024;

/// A record with more bytes of objects than this is not worth writing twice; it goes the plain way.
const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// The journal of an open repository. Whoever writes to it holds the lock on the refs, so several handles may.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

/// A record in the file, which can be taken back while it is the last one.
pub(crate) struct Entry {
    start: u64,
}

impl Journal {
    /// Opens the journal of a repository, or begins one.
    pub(crate) fn open(repository: &Path) -> Result<Self, StoreError> {
        let path = repository.join(FILE);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(StoreError::io("open", &path))?;
        durable::sync_folder(repository)?;
        Ok(Self { path, file })
    }

    /// Whether these objects are few enough to be written by way of the journal.
    pub(crate) fn fits(objects: &[NewObject]) -> bool {
        objects.iter().map(|object| object.bytes.len()).sum::<usize>() <= MAX_RECORD_BYTES
    }

    /// Appends a record. It is durable when this returns.
    pub(crate) fn append(
        &self,
        objects: &[NewObject],
        before: &[CommitId],
        after: &[CommitId],
    ) -> Result<Entry, StoreError> {
        let entry = Entry { start: self.length()? };
        let written =
            (&self.file).write_all(&encode(objects, before, after)).and_then(|()| durable::sync_data(&self.file));
        match written {
            Ok(()) => Ok(entry),
            Err(error) => {
                self.retract(entry);
                Err(StoreError::io("write", &self.path)(error))
            }
        }
    }

    /// Takes back a record whose objects or heads could not be written after all. Should even that fail, the record stands
    /// for something that was not acknowledged, and may come to be at the next [`recover`].
    pub(crate) fn retract(&self, entry: Entry) {
        let _ = self.file.set_len(entry.start).and_then(|()| durable::sync_data(&self.file));
    }

    /// Begins anew when the journal is long, after everything that it stands for has reached the disk.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        if self.length()? < LONG { Ok(()) } else { self.begin_anew() }
    }

    /// Empties the journal, after everything that it stands for has reached the disk. Nobody may be writing.
    pub(crate) fn begin_anew(&self) -> Result<(), StoreError> {
        if self.length()? == 0 {
            return Ok(());
        }
        let settled = durable::sync_file_system(&self.file)
            .and_then(|()| self.file.set_len(0))
            .and_then(|()| durable::sync_data(&self.file));
        settled.map_err(StoreError::io("make durable", &self.path))
    }

    fn length(&self) -> Result<u64, StoreError> {
        Ok(self.file.metadata().map_err(StoreError::io("look at", &self.path))?.len())
    }
}

/// Puts objects that the journal holds into the places where stock git finds them, without waiting for the disk.
pub(crate) fn store(places: &Places, database: &Database, objects: &[NewObject]) -> Result<(), StoreError> {
    match objects.len() {
        burst::MANY_OBJECTS.. => burst::write(places, objects, Durability::Journal),
        _ => loose::write_with(&places.objects(), database, objects, Durability::Journal),
    }
}

/// Writes again what the journal says and the disk lost, the way it was written first. Whoever calls it is alone with the
/// repository.
pub(crate) fn recover(repository: &Path) -> Result<(), StoreError> {
    let path = repository.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    if bytes.is_empty() {
        return Ok(());
    }
    let places = Arc::new(Places::own(repository, layout::objects(repository))?);
    let database = Database::new(&places);
    let records: Vec<Record<'_>> = Records(&bytes).collect();
    for record in &records {
        let objects = record.objects.iter().map(|&(kind, bytes)| named(kind, bytes)).collect::<Result<Vec<_>, _>>()?;
        store(&places, &database, &objects)?;
    }
    if let Some(last) = records.last() {
        // Heads that the journal has never heard of were moved there by something later than the journal.
        let stale = match refs::read(repository) {
            Ok(heads) => {
                heads.is_empty() || records.iter().any(|record| record.before == heads || record.after == heads)
            }
            Err(StoreError::MalformedRefs { .. }) => true,
            Err(error) => return Err(error),
        };
        if stale {
            refs::overwrite(repository, &last.after)?;
        }
    }
    Journal::open(repository)?.begin_anew()
}

fn named(kind: Kind, bytes: &[u8]) -> Result<NewObject<'_>, StoreError> {
    let id = match kind {
        Kind::Commit => *object::commit_id(bytes)?.as_bytes(),
        Kind::Tree => *object::tree_id(bytes)?.as_bytes(),
        Kind::Blob | Kind::Tag => *object::blob_id(bytes)?.as_bytes(),
    };
    Ok(NewObject { id: to_oid(&id), kind, bytes })
}

/// What one record says.
struct Record<'a> {
    before: Vec<CommitId>,
    after: Vec<CommitId>,
    objects: Vec<(Kind, &'a [u8])>,
}

const KINDS: [Kind; 3] = [Kind::Commit, Kind::Tree, Kind::Blob];

fn encode(objects: &[NewObject], before: &[CommitId], after: &[CommitId]) -> Vec<u8> {
    let mut payload = Vec::new();
    for heads in [before, after] {
        payload.extend_from_slice(&(heads.len() as u16).to_le_bytes());
        heads.iter().for_each(|head| payload.extend_from_slice(head.as_bytes()));
    }
    for object in objects {
        let kind = KINDS.iter().position(|kind| *kind == object.kind).unwrap_or_default();
        payload.push(kind as u8);
        payload.extend_from_slice(&(object.bytes.len() as u32).to_le_bytes());
        payload.extend_from_slice(object.bytes);
    }
    let hash = blake3::hash(&payload);
    [&(payload.len() as u32).to_le_bytes()[..], &payload, hash.as_bytes()].concat()
}

/// The whole records at the start of the file's bytes.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let mut rest = self.0;
        let length = u32::from_le_bytes(*take(&mut rest)?) as usize;
        let payload = cut(&mut rest, length)?;
        if blake3::hash(payload).as_bytes() != cut(&mut rest, blake3::OUT_LEN)? {
            return None;
        }
        self.0 = rest;
        decode(payload)
    }
}

fn decode(mut payload: &[u8]) -> Option<Record<'_>> {
    let mut heads = || -> Option<Vec<CommitId>> {
        let count = u16::from_le_bytes(*take(&mut payload)?);
        (0..count).map(|_| Some(CommitId::from_bytes(*take(&mut payload)?))).collect()
    };
    let (before, after) = (heads()?, heads()?);
    let mut objects = Vec::new();
    while let Some(&[kind]) = take(&mut payload) {
        let length = u32::from_le_bytes(*take(&mut payload)?) as usize;
        objects.push((*KINDS.get(usize::from(kind))?, cut(&mut payload, length)?));
    }
    Some(Record { before, after, objects })
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(first)
}

fn cut<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (first, others) = rest.split_at_checked(length)?;
    *rest = others;
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_a_torn_one_ends_the_file() {
        let head = |byte| CommitId::from_bytes([byte; 20]);
        let objects = [named(Kind::Blob, b"one").unwrap(), named(Kind::Tree, b"").unwrap()];
        let mut bytes = encode(&objects, &[], &[head(1)]);
        let whole = bytes.len();
        bytes.extend(encode(&[], &[head(1)], &[head(2), head(3)]));
        let records: Vec<_> = Records(&bytes).collect();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].objects, [(Kind::Blob, &b"one"[..]), (Kind::Tree, b"")]);
        assert_eq!((&records[1].before, &records[1].after), (&vec![head(1)], &vec![head(2), head(3)]));
        for cut in 0..bytes.len() {
            assert_eq!(Records(&bytes[..cut]).count(), usize::from(cut >= whole), "cut at {cut}");
            let mut damaged = bytes.clone();
            damaged[cut] ^= 1;
            assert!(Records(&damaged).count() < 2, "damaged at {cut}");
        }
    }
}
