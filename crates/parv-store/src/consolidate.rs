//! Many small files become one pack, while others read and write.
//!
//! Objects are only ever removed from a place after another place has them durably: the new pack, its index and their
//! names are on the disk before the first file goes, and a pack's index goes before the pack, so that nobody finds an
//! index without its pack. In between it leaves a stamp by which readers know that things have moved ([`crate::view`]).
//! Whoever is killed in between leaves objects behind that are there twice, nothing worse.
//!
//! Stock git lists the packs again when it misses something, once: it finds what moves once while it looks, but not what
//! moves twice. So let a moment pass between one consolidation and the next.
//!
//! Packs are merged when they are not much larger than what joins them, so that each object is written again only a few
//! times however long the conversation gets.

use crate::database::Database;
use crate::error::StoreError;
use crate::fetch::FetchError;
use crate::layout;
use crate::objects::{CommitLinks, Objects, chain};
use crate::pack::Pack;
use crate::pack_writer::PackWriter;
use crate::view::Places;
use gix::ObjectId;
use gix::objs::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// With so many objects in files of their own, it is time. On the disk each takes 4 KiB at least.
const MANY_LOOSE: usize = 4096;

/// With so many packs, it is time: every look for an object asks each of them.
const MANY_PACKS: usize = 20;

/// A pack joins when it is less than so many times as large as what joins already.
const GROWTH: u64 = 2;

/// The folder whose files are counted to guess how many there are: names are random, as stock git knows too.
const SAMPLE: &str = "17";

/// How many such folders there are.
const FOLDERS: usize = 256;

/// What a loose object comes to in a pack, in bytes, roughly.
const LOOSE_BYTES: u64 = 512;

/// What became one pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consolidated {
    /// How many objects the new pack has.
    pub objects: usize,
    /// How many files of single objects it replaced.
    pub loose: usize,
    /// How many packs it replaced.
    pub packs: usize,
}

/// Whether there are so many small files that it is worth the while. Cheap.
pub(crate) fn is_due(repository: &Path) -> bool {
    let objects = layout::objects(repository);
    let count = |folder: &Path| fs::read_dir(folder).map_or(0, Iterator::count);
    count(&objects.join(SAMPLE)) * FOLDERS > MANY_LOOSE || count(&objects.join("pack")) > MANY_PACKS * 2
}

/// Packs what is loose, with the packs that are not much larger. `None` when there is nothing to do, or when it was told
/// to stop before it was done.
pub(crate) fn run(
    repository: &Path,
    places: &Arc<Places>,
    stop: &AtomicBool,
) -> Result<Option<Consolidated>, StoreError> {
    let folder = layout::objects(repository);
    let database = &Database::for_bulk(places);
    let sources = Sources::find(&folder)?;
    if sources.loose.is_empty() && sources.packs.len() < 2 {
        return Ok(None);
    }
    let Some(objects) = sources.objects(database, stop)?.filter(|objects| !objects.is_empty()) else {
        return Ok(None);
    };
    let Some(pack) = write(repository, database, &objects, stop)? else { return Ok(None) };
    let has = |id: &ObjectId| pack.place(id).is_some();
    let loose: Vec<_> = sources.loose.iter().filter(|(id, _)| has(id)).collect();
    let packs: Vec<_> =
        sources.packs.iter().filter(|old| old.ids.iter().all(has) && !pack.is_named_as(&old.index)).collect();
    let consolidated = Consolidated { objects: pack.len(), loose: loose.len(), packs: packs.len() };
    pack.move_into(places)?;
    for old in packs {
        old.remove()?;
    }
    for (_, file) in loose {
        layout::remove_if_there(file)?;
    }
    for fan_out in sources.loose.values().filter_map(|file| file.parent()).collect::<BTreeSet<_>>() {
        // Goes only if it is empty; whoever writes next makes it again.
        let _ = fs::remove_dir(fan_out);
    }
    Ok(Some(consolidated))
}

/// How many of these, in order, are to become one, so that each that is left is much larger than the one before.
fn joining(sizes: &[u64]) -> usize {
    let crowded = sizes.windows(2).rposition(|pair| pair[1] < pair[0].saturating_mul(GROWTH));
    let mut count = crowded.map_or(1, |at| at + 2);
    let mut sum: u64 = sizes[..count].iter().sum();
    while let Some(next) = sizes.get(count).filter(|next| **next < sum.saturating_mul(GROWTH)) {
        sum += next;
        count += 1;
    }
    count
}

/// What is to become one pack.
struct Sources {
    loose: BTreeMap<ObjectId, PathBuf>,
    packs: Vec<OldPack>,
}

struct OldPack {
    index: PathBuf,
    ids: Vec<ObjectId>,
}

impl OldPack {
    fn open(index: PathBuf) -> Result<Self, StoreError> {
        let file = gix_pack::index::File::at(&index, gix::hash::Kind::Sha1)
            .map_err(|error| StoreError::malformed(index.display(), chain(&error)))?;
        let ids = file.iter().map(|entry| entry.oid).collect();
        Ok(Self { index, ids })
    }

    /// Removes it; what stock git may have put beside it goes too.
    fn remove(&self) -> Result<(), StoreError> {
        ["idx", "rev", "bitmap", "pack"]
            .iter()
            .try_for_each(|extension| layout::remove_if_there(&self.index.with_extension(extension)))
    }
}

impl Sources {
    fn find(folder: &Path) -> Result<Self, StoreError> {
        let loose = loose(folder)?;
        let found = small_first(&folder.join("pack"))?;
        let sizes: Vec<u64> =
            [loose.len() as u64 * LOOSE_BYTES].into_iter().chain(found.iter().map(|(bytes, _)| *bytes)).collect();
        let indices = found.into_iter().map(|(_, index)| index);
        let packs = indices.take(joining(&sizes) - 1).map(OldPack::open).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { loose, packs })
    }

    /// The objects that can be read and are what their names say, in the order in which they are best written: those
    /// side by side that have much in common. Damaged ones are left where they are.
    fn objects(&self, database: &Database, stop: &AtomicBool) -> Result<Option<Vec<ObjectId>>, StoreError> {
        let mut order = BTreeMap::new();
        let mut buffer = Vec::new();
        for id in self.loose.keys().chain(self.packs.iter().flat_map(|pack| &pack.ids)) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let Ok(Some((kind, bytes))) = database.read(id, &mut buffer) else { continue };
            if gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, bytes).is_ok_and(|named| named == *id) {
                order.insert((rank(kind, bytes), *id), ());
            }
        }
        Ok(Some(order.into_keys().map(|(_, id)| id).collect()))
    }
}

/// Commits by date, trees by size, as they grow, then files.
fn rank(kind: Kind, bytes: &[u8]) -> (u8, i64) {
    match kind {
        Kind::Commit => (0, CommitLinks::parse(bytes).map_or(0, |links| links.time)),
        Kind::Tree => (1, bytes.len() as i64),
        Kind::Blob | Kind::Tag => (2, 0),
    }
}

/// The files of single objects.
fn loose(folder: &Path) -> Result<BTreeMap<ObjectId, PathBuf>, StoreError> {
    let mut found = BTreeMap::new();
    for fan_out in layout::list(folder)? {
        let Some(start) = fan_out.file_name().and_then(|name| name.to_str()).filter(|name| name.len() == 2) else {
            continue;
        };
        for file in layout::list(&fan_out)? {
            let end = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Ok(id) = ObjectId::from_hex(format!("{start}{end}").as_bytes()) {
                found.insert(id, file);
            }
        }
    }
    Ok(found)
}

/// The packs by size in bytes and index, the smallest first; none that somebody asked to keep, or that stock git has put
/// into an index of many.
fn small_first(folder: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let files = layout::list(folder)?;
    if files.iter().any(|file| file.ends_with("multi-pack-index")) {
        return Ok(Vec::new());
    }
    let indices = files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "idx"));
    let mut packs = Vec::new();
    for index in indices.filter(|file| !file.with_extension("keep").exists()) {
        let data = index.with_extension("pack");
        packs.push((fs::metadata(&data).map_err(StoreError::io("look at", &data))?.len(), index));
    }
    packs.sort();
    Ok(packs)
}

/// Writes the objects into a pack in a folder of its own, reads it again and indexes it.
fn write(
    repository: &Path,
    database: &Database,
    objects: &[ObjectId],
    stop: &AtomicBool,
) -> Result<Option<Pack>, StoreError> {
    let parent = layout::quarantine(repository)?;
    let failed = |error| StoreError::io("write a pack into", &parent)(error);
    let count = u32::try_from(objects.len()).map_err(|error| failed(std::io::Error::other(error)))?;
    let file = tempfile::tempfile_in(&parent).map_err(failed)?;
    let mut pack = PackWriter::begin(BufWriter::new(file), count).map_err(failed)?;
    let mut buffer = Vec::new();
    for id in objects {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (kind, bytes) = database.read(id, &mut buffer)?.ok_or_else(|| StoreError::missing("object", id))?;
        pack.add(kind, bytes).map_err(failed)?;
    }
    let (mut out, _) = pack.finish().map_err(failed)?;
    out.flush().map_err(failed)?;
    let mut file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.rewind().map_err(failed)?;
    match Pack::receive(&mut BufReader::new(file), &parent, Some(1)) {
        Ok(pack) => Ok(pack),
        Err(FetchError::Store(error)) => Err(error),
        Err(error) => Err(StoreError::malformed(parent.display(), chain(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_grows_from_each_to_the_next() {
        assert_eq!(joining(&[0]), 1);
        assert_eq!(joining(&[10, 100, 1000]), 1);
        assert_eq!(joining(&[10, 15, 1000]), 2);
        assert_eq!(joining(&[10, 100, 150, 400, 2000]), 4);
        assert_eq!(joining(&[0, 100, 100, 100]), 4);
        assert_eq!(joining(&[500, 100, 5000]), 2);
    }
}
