//! Reading a repository's own objects, wherever they lie and wherever others move them meanwhile.

use crate::error::StoreError;
use crate::objects::{DELTA_CACHE_BYTES, Objects, database_error};
use crate::view::{Places, View};
use gix::hash::oid;
use gix::objs::Kind;
use gix::odb::loose;
use gix::zlib::Inflate;
use gix_pack::Bundle;
use gix_pack::cache::DecodeEntry;
use gix_pack::cache::lru::MemoryCappedHashmap;
use std::cell::RefCell;
use std::sync::Arc;

/// A reader of the repository's objects: loose ones and packs. For one thread.
pub(crate) struct Database {
    places: Arc<Places>,
    reading: RefCell<Reading>,
}

/// What reading needs and is worth keeping.
struct Reading {
    view: Arc<View>,
    /// Which pack had what was found last: what comes next is often there too.
    last: usize,
    inflate: Inflate,
    bases: Box<dyn DecodeEntry + Send>,
}

impl Database {
    /// For single questions.
    pub fn new(places: &Arc<Places>) -> Self {
        Self::with(places, Box::new(gix_pack::cache::Never))
    }

    /// For many questions in a row: keeps bases of deltas in memory.
    pub fn for_bulk(places: &Arc<Places>) -> Self {
        Self::with(places, Box::new(MemoryCappedHashmap::new(DELTA_CACHE_BYTES)))
    }

    fn with(places: &Arc<Places>, bases: Box<dyn DecodeEntry + Send>) -> Self {
        let reading = Reading { view: places.view(), last: 0, inflate: Inflate::default(), bases };
        Self { places: places.clone(), reading: RefCell::new(reading) }
    }

    /// Whether an object with this name is stored.
    pub fn contains(&self, id: &oid) -> Result<bool, StoreError> {
        let found = self.look(id, |_, _, _| Ok(()), |loose| Ok(loose.contains(id).then_some(())))?;
        Ok(found.is_some())
    }

    /// An object as it is in a file of its own, `None` when it has none.
    pub fn read_file<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> Result<Option<(Kind, &'a [u8])>, StoreError> {
        let found = self.places.loose().first().map(|loose| loose.try_find(id, buffer)).transpose();
        let found = found.map_err(|error| database_error(id, error))?.flatten();
        Ok(found.map(|object| (object.kind, object.data)))
    }

    /// The packs as this reader sees them.
    pub fn view(&self) -> Arc<View> {
        self.reading.borrow().view.clone()
    }

    /// Looks into the packs, then for a file. When it is in neither and something has moved meanwhile, looks again.
    ///
    /// So does it when something cannot be read: it may have been replaced by something better.
    fn look<T>(
        &self,
        id: &oid,
        mut in_pack: impl FnMut(&Bundle, u32, &mut Reading) -> Result<T, gix::Error>,
        mut in_file: impl FnMut(&loose::Store) -> Result<Option<T>, gix::Error>,
    ) -> Result<Option<T>, StoreError> {
        loop {
            let reading = &mut *self.reading.borrow_mut();
            let view = reading.view.clone();
            let mut failed = None;
            let order = std::iter::once(reading.last).chain((0..view.packs().len()).filter(|at| *at != reading.last));
            let packs = order.collect::<Vec<_>>();
            let packs = packs.into_iter().filter_map(|at| Some((at, view.packs().get(at)?)));
            for (at, pack, place) in packs.filter_map(|(at, pack)| Some((at, pack, pack.index.lookup(id)?))) {
                match in_pack(pack, place, reading) {
                    Ok(found) => {
                        reading.last = at;
                        return Ok(Some(found));
                    }
                    Err(error) => failed = Some(error),
                }
            }
            for loose in self.places.loose() {
                match in_file(loose) {
                    Ok(Some(found)) => return Ok(Some(found)),
                    Ok(None) => {}
                    Err(error) => failed = Some(error),
                }
            }
            match self.places.since(&view)? {
                None => return failed.map_or(Ok(None), |error| Err(database_error(id, error))),
                Some(newer) => reading.view = newer,
            }
        }
    }
}

impl Objects for Database {
    fn read<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> Result<Option<(Kind, &'a [u8])>, StoreError> {
        let buffer = RefCell::new(buffer);
        let found = self.look(
            id,
            |pack, place, reading| {
                let Reading { inflate, bases, .. } = reading;
                let buffer = &mut **buffer.borrow_mut();
                let (object, _) = pack.get_object_by_index(place, buffer, inflate, bases.as_mut())?;
                Ok((object.kind, object.data.len()))
            },
            |loose| {
                let buffer = &mut **buffer.borrow_mut();
                Ok(loose.try_find(id, buffer)?.map(|object| (object.kind, object.data.len())))
            },
        )?;
        let buffer = buffer.into_inner();
        Ok(found.map(|(kind, length)| (kind, &buffer[..length])))
    }

    fn header(&self, id: &oid) -> Result<Option<(Kind, u64)>, StoreError> {
        self.look(
            id,
            |pack, place, reading| packed_header(pack, place, &mut reading.inflate),
            |loose| Ok(loose.try_header(id)?.map(|(size, kind)| (kind, size))),
        )
    }
}

/// The kind and the size of the object at a place in a pack.
pub(crate) fn packed_header(pack: &Bundle, place: u32, inflate: &mut Inflate) -> Result<(Kind, u64), gix::Error> {
    let Bundle { pack, index } = pack;
    let entry = pack.entry(index.pack_offset_at_index(place))?;
    let resolve = |id: &oid| {
        let base = index.lookup(id).map(|place| pack.entry(index.pack_offset_at_index(place))).transpose()?;
        Ok(base.map(gix_pack::data::decode::header::ResolvedBase::InPack))
    };
    let header = pack.decode_header(entry, inflate, &resolve)?;
    Ok((header.kind, header.object_size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout;
    use crate::loose::{self, NewObject};
    use crate::pack::Pack;
    use crate::pack_writer::PackWriter;
    use gix::ObjectId;
    use std::path::Path;

    const TEXT: &[u8] = b"hello";

    fn id() -> ObjectId {
        ObjectId::from_hex(b"b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0").unwrap()
    }

    /// A repository with one file.
    fn places(folder: &Path) -> Arc<Places> {
        let path = folder.join("repository");
        layout::create(&path).unwrap();
        let objects = layout::objects(&path);
        let places = Arc::new(Places::own(&path, objects.clone()).unwrap());
        let object = NewObject { id: id(), kind: Kind::Blob, bytes: TEXT };
        loose::write(&objects, &Database::new(&places), &[object]).unwrap();
        places
    }

    /// Moves the file into a pack with something else, so that no two packs are the same, and removes all other packs.
    fn pack(places: &Places, other: &[u8]) {
        let old = places.view();
        let mut pack = PackWriter::begin(Vec::new(), 2).unwrap();
        for bytes in [TEXT, other] {
            pack.add(Kind::Blob, bytes).unwrap();
        }
        let (bytes, _) = pack.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        Pack::receive(&mut &bytes[..], folder.path(), Some(1)).unwrap().unwrap().move_into(places).unwrap();
        layout::remove_if_there(&places.loose()[0].object_path(&id())).unwrap();
        for pack in old.packs() {
            layout::remove_if_there(pack.index.path()).unwrap();
            layout::remove_if_there(&pack.index.path().with_extension("pack")).unwrap();
        }
    }

    fn text(database: &Database) -> Option<Vec<u8>> {
        let mut buffer = Vec::new();
        database.read(&id(), &mut buffer).unwrap().map(|(_, bytes)| bytes.to_vec())
    }

    #[test]
    fn what_moves_between_two_looks_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let database = Database::new(&places);
        let mut moves = 0;
        let found = database.look(
            &id(),
            |_, _, _| Ok("in a pack"),
            |loose| {
                // It was not in a pack a moment ago, and by now it has no file.
                moves += 1;
                pack(&places, b"one");
                Ok(loose.contains(&id()).then_some("in a file"))
            },
        );
        assert_eq!((found.unwrap(), moves), (Some("in a pack"), 1));
    }

    #[test]
    fn an_old_view_and_one_of_another_process_are_renewed_until_nothing_moves() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        let old = Database::for_bulk(&places);
        let path = folder.path().join("repository");
        let elsewhere = Arc::new(Places::own(&path, layout::objects(&path)).unwrap());
        let theirs = Database::new(&elsewhere);
        for other in [b"one", b"two", b"six"] {
            pack(&places, other);
            // Those who opened a pack before it went can still read it; the others find where it is now.
            assert_eq!(text(&old).unwrap(), TEXT);
            assert_eq!(text(&theirs).unwrap(), TEXT);
            assert!(Database::new(&elsewhere).contains(&id()).unwrap());
            assert_eq!(text(&Database::new(&places)).unwrap(), TEXT);
        }
        assert!(!theirs.contains(&gix::hash::Kind::Sha1.null()).unwrap());
    }
}
