//! A pack that another device sent: unpacked in memory when it is small, which most are, else indexed in a folder of its
//! own ([`Pack`]).
//!
//! Folder, files and index take more time than all else that there is to do for a message.

use crate::database::Database;
use crate::error::StoreError;
use crate::fetch::FetchError;
use crate::layout;
use crate::loose::NewObject;
use crate::objects::Objects;
use crate::pack::Pack;
use gix::ObjectId;
use gix::hash::oid;
use gix::objs::Kind;
use gix::zlib::Inflate;
use gix_pack::cache::Never;
use gix_pack::data;
use gix_pack::data::input::{BytesToEntriesIter, EntryDataMode, Mode};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

/// A pack with fewer objects is small: they are stored one by one, as packs are to be few and large. Stock git draws the
/// line here too.
const MIN_PACK_OBJECTS: usize = 100;

/// The most bytes of a small pack, and of its objects together.
const MAX_SMALL_BYTES: u64 = 1024 * 1024;

/// See the [module](self).
pub(crate) enum Received {
    Small(Unpacked),
    Large(Box<Pack>),
}

impl Received {
    /// Reads a pack to its end and names its objects. `None` when it is empty. A large one comes into a folder in the
    /// repository's quarantine.
    ///
    /// The stream must have been scanned: gix unpacks whatever comes.
    pub fn receive(stream: &mut dyn BufRead, repository: &Path) -> Result<Option<Self>, FetchError> {
        let mut start = Vec::new();
        (&mut *stream).take(MAX_SMALL_BYTES + 1).read_to_end(&mut start).map_err(FetchError::stream)?;
        if let Some(unpacked) = Unpacked::from(&start) {
            return Ok(Some(Self::Small(unpacked)));
        }
        // What is not small, or damaged, which is for gix to say.
        let parent = layout::quarantine(repository).map_err(FetchError::Store)?;
        Ok(Pack::receive(&mut start.chain(stream), &parent, Some(1))?.map(|pack| Self::Large(pack.into())))
    }

    /// How many objects it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Small(unpacked) => unpacked.0.len(),
            Self::Large(pack) => pack.len(),
        }
    }

    /// The name of the object at a place.
    pub fn id(&self, place: usize) -> ObjectId {
        match self {
            Self::Small(unpacked) => unpacked.0[place].id,
            Self::Large(pack) => pack.id(place),
        }
    }

    /// The place of an object, below [`Self::len`].
    pub fn place(&self, id: &oid) -> Option<usize> {
        match self {
            Self::Small(unpacked) => unpacked.place(id),
            Self::Large(pack) => pack.place(id),
        }
    }
}

/// An object with its contents.
struct Object {
    id: ObjectId,
    kind: Kind,
    bytes: Vec<u8>,
}

/// The objects of a small pack, in the order of their names.
pub(crate) struct Unpacked(Vec<Object>);

impl Unpacked {
    /// Unpacks a pack if it is small, whole, and has each object once.
    fn from(pack: &[u8]) -> Option<Self> {
        if pack.len() as u64 > MAX_SMALL_BYTES {
            return None;
        }
        let sha1 = gix::hash::Kind::Sha1;
        // Reads to the end, where the hash over all of it has to be.
        let entries = BytesToEntriesIter::new_from_header(pack, Mode::Verify, EntryDataMode::Ignore, sha1).ok()?;
        if !(1..MIN_PACK_OBJECTS).contains(&entries.len()) {
            return None;
        }
        let offsets: Vec<_> = entries.map(|entry| Some(entry.ok()?.pack_offset)).collect::<Option<_>>()?;
        let pack = data::File::from_data(pack, PathBuf::new(), sha1).ok()?;
        let (mut inflate, mut left) = (Inflate::default(), MAX_SMALL_BYTES);
        let mut objects = Vec::with_capacity(offsets.len());
        for offset in offsets {
            let mut bytes = Vec::new();
            let nowhere = |_: &oid, _: &mut Vec<u8>| Ok(None);
            let entry = pack.entry(offset).ok()?;
            let kind = pack.decode_entry(entry, &mut bytes, &mut inflate, &nowhere, &mut Never).ok()?.kind;
            left = left.checked_sub(bytes.len() as u64)?;
            objects.push(Object { id: gix::objs::compute_hash(sha1, kind, &bytes).ok()?, kind, bytes });
        }
        objects.sort_by_key(|object| object.id);
        let twice = objects.windows(2).any(|pair| pair[0].id == pair[1].id);
        (!twice).then_some(Self(objects))
    }

    /// Its objects, to be written.
    pub fn objects(&self) -> Vec<NewObject<'_>> {
        self.0.iter().map(|Object { id, kind, bytes }| NewObject { id: *id, kind: *kind, bytes }).collect()
    }

    fn place(&self, id: &oid) -> Option<usize> {
        self.0.binary_search_by(|object| object.id.as_ref().cmp(id)).ok()
    }

    fn find(&self, id: &oid) -> Option<&Object> {
        self.place(id).map(|place| &self.0[place])
    }
}

impl Objects for Unpacked {
    fn read<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> Result<Option<(Kind, &'a [u8])>, StoreError> {
        let Some(object) = self.find(id) else { return Ok(None) };
        buffer.clone_from(&object.bytes);
        Ok(Some((object.kind, buffer)))
    }

    fn header(&self, id: &oid) -> Result<Option<(Kind, u64)>, StoreError> {
        Ok(self.find(id).map(|object| (object.kind, object.bytes.len() as u64)))
    }
}

/// A pack that was received with the repository's database behind it.
pub(crate) struct Delivery<'a> {
    pub pack: &'a Received,
    pub below: Database,
}

impl Objects for Delivery<'_> {
    fn read<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> Result<Option<(Kind, &'a [u8])>, StoreError> {
        match self.pack {
            _ if self.pack.place(id).is_none() => self.below.read(id, buffer),
            Received::Small(unpacked) => unpacked.read(id, buffer),
            Received::Large(pack) => pack.read(id, buffer),
        }
    }

    fn header(&self, id: &oid) -> Result<Option<(Kind, u64)>, StoreError> {
        match self.pack {
            _ if self.pack.place(id).is_none() => self.below.header(id),
            Received::Small(unpacked) => unpacked.header(id),
            Received::Large(pack) => pack.header(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack_writer::PackWriter;

    /// A pack of commits of one author, which are deltas of the first, and a file.
    fn pack(commits: u32) -> Vec<u8> {
        let mut pack = PackWriter::begin(Vec::new(), commits + 1).unwrap();
        let who = "Alice <alice@example.org> 1700000000 +0000";
        for number in 0..commits {
            let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
            let text = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nmessage {number}\n");
            pack.add(Kind::Commit, text.as_bytes()).unwrap();
        }
        pack.add(Kind::Blob, b"hello").unwrap();
        pack.finish().unwrap().0
    }

    #[test]
    fn a_small_pack_is_unpacked_to_what_gix_makes_of_it() {
        let bytes = pack(40);
        let unpacked = Unpacked::from(&bytes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let packed = Pack::receive(&mut &bytes[..], folder.path(), Some(1)).unwrap().unwrap();
        assert_eq!((unpacked.0.len(), packed.len()), (41, 41));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (place, object) in unpacked.0.iter().enumerate() {
            let id = packed.id(place);
            assert_eq!((object.id, unpacked.place(&id)), (id, Some(place)));
            assert_eq!(unpacked.read(&id, &mut ours).unwrap(), packed.read(&id, &mut theirs).unwrap());
            assert_eq!(unpacked.header(&id).unwrap(), packed.header(&id).unwrap());
        }
        assert_eq!(unpacked.header(&gix::hash::Kind::Sha1.null()).unwrap(), None);
    }

    #[test]
    fn what_is_damaged_or_large_is_left_to_gix() {
        let bytes = pack(2);
        for at in 0..bytes.len() {
            assert!(Unpacked::from(&bytes[..at]).is_none(), "cut at {at}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Unpacked::from(&damaged).is_none(), "damaged at {at}");
        }
        let mut twice = PackWriter::begin(Vec::new(), 2).unwrap();
        (0..2).for_each(|_| twice.add(Kind::Blob, b"hello").unwrap());
        assert!(Unpacked::from(&twice.finish().unwrap().0).is_none());
        assert!(Unpacked::from(&pack(MIN_PACK_OBJECTS as u32 - 1)).is_none());
    }
}
