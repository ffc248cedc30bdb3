//! Writing many objects at once: one pack with its index instead of a file for each.
//!
//! What is written together for the speed of it lies uncompressed, so that nothing but copying and hashing stands between a
//! message and its place; [consolidation](crate::consolidate) makes it small. The same objects always make the same files:
//! a power cut may damage those that were not synced yet, and writing them again from the journal repairs them in place.

use crate::durable::{self, Durability};
use crate::error::StoreError;
use crate::layout::TEMPORARY_OBJECT;
use crate::loose::NewObject;
use crate::pack_index::Index;
use crate::pack_writer::PackWriter;
use crate::view::Places;
use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::Path;

/// From this many objects on, a pack takes less time and room than a file for each.
pub(crate) const MANY_OBJECTS: usize = 8;

/// Writes objects as a pack, whether or not they are stored elsewhere. An error may leave part of it behind, without
/// meaning.
pub(crate) fn write(places: &Places, objects: &[NewObject], durability: Durability) -> Result<(), StoreError> {
    let folder = places.packs();
    let (name, pack, index) = encode(objects).map_err(StoreError::io("write a pack into", &folder))?;
    for (extension, bytes) in [("pack", pack), ("idx", index)] {
        // Readers find a pack by its index, so that comes last.
        put(&folder.join(format!("pack-{name}.{extension}")), &bytes, durability)?;
        if durability == Durability::Now {
            durable::sync_folder(&folder)?;
        }
    }
    places.moved()
}

/// The pack's name, its bytes and those of its index.
fn encode(objects: &[NewObject]) -> std::io::Result<(String, Vec<u8>, Vec<u8>)> {
    let mut seen = HashSet::with_capacity(objects.len());
    let objects: Vec<_> = objects.iter().filter(|object| seen.insert(object.id)).collect();
    let count = u32::try_from(objects.len()).map_err(std::io::Error::other)?;
    let mut pack = PackWriter::begin(Vec::new(), count)?;
    let mut index = Index::with_capacity(objects.len());
    for object in objects {
        let offset = pack.offset();
        let crc = pack.add_uncompressed(object.kind, object.bytes)?;
        index.add(object.id, crc, offset);
    }
    let (pack, hash) = pack.finish()?;
    Ok((hash.to_string(), pack, index.encode(&hash)?))
}

/// Puts a file in its place. One with the same bytes may be there, or what a power cut left of it.
fn put(path: &Path, bytes: &[u8], durability: Durability) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return if durability == Durability::Now { durable::sync_file(path) } else { Ok(()) };
    }
    let write = || {
        let mut file = tempfile::Builder::new().prefix(TEMPORARY_OBJECT).tempfile_in(folder)?;
        file.write_all(bytes)?;
        if durability == Durability::Now {
            durable::sync(file.as_file())?;
        }
        file.persist(path).map_err(|error| error.error)
    };
    write().map(drop).map_err(StoreError::io("write", path))
}
