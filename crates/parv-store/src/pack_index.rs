//! The index of a pack, in git's version 2: which objects it has, in the order of their names, and where they begin.

use gix::ObjectId;
use gix::hash::oid;
use std::io;

const SIGNATURE: [u8; 8] = *b"\xfftOc\0\0\0\x02";

/// Offsets from here on would stand in a table of their own. Packs that are written with an index stay far below.
const MAX_OFFSET: u64 = 1 << 31;

/// An index in the making.
pub(crate) struct Index {
    entries: Vec<(ObjectId, u32, u64)>,
}

impl Index {
    /// An index with room for so many objects.
    pub fn with_capacity(objects: usize) -> Self {
        Self { entries: Vec::with_capacity(objects) }
    }

    /// Adds an object with the CRC-32 of its entry, and where that begins in the pack, in bytes.
    pub fn add(&mut self, id: ObjectId, crc: u32, offset: u64) {
        self.entries.push((id, crc, offset));
    }

    /// The bytes of the index of the pack with this hash.
    pub fn encode(mut self, pack: &oid) -> io::Result<Vec<u8>> {
        self.entries.sort();
        let mut bytes = SIGNATURE.to_vec();
        let mut count = 0;
        for first in 0..=u8::MAX {
            let here = self.entries[count..].iter().take_while(|(id, ..)| id.as_bytes()[0] == first).count();
            count += here;
            bytes.extend(u32::try_from(count).map_err(io::Error::other)?.to_be_bytes());
        }
        self.entries.iter().for_each(|(id, ..)| bytes.extend_from_slice(id.as_bytes()));
        self.entries.iter().for_each(|(_, crc, _)| bytes.extend(crc.to_be_bytes()));
        for (.., offset) in &self.entries {
            let offset = u32::try_from(*offset).ok().filter(|offset| u64::from(*offset) < MAX_OFFSET);
            let offset = offset.ok_or_else(|| io::Error::other("the pack is too large for its index"))?;
            bytes.extend(offset.to_be_bytes());
        }
        bytes.extend_from_slice(pack.as_bytes());
        let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
        hasher.update(&bytes);
        bytes.extend_from_slice(hasher.try_finalize().map_err(io::Error::other)?.as_bytes());
        Ok(bytes)
    }
}
