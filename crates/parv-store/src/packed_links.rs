//! What the commits of all packs refer to, read on all cores before a walk that would look at one after the other.

use crate::database::Database;
use crate::error::StoreError;
use crate::objects::{CommitLinks, Objects};
use crate::repository::Repository;
use gix::ObjectId;
use gix::hash::oid;
use gix::objs::Kind;
use parv_validator::cores;
use std::collections::HashMap;
use std::convert::Infallible;

/// A reader of objects that knows the links of packed commits already.
pub(crate) struct PackedLinks {
    links: HashMap<ObjectId, CommitLinks>,
    database: Database,
}

impl PackedLinks {
    /// Reads them. What cannot be read is left to whoever asks for it.
    pub fn read(repository: &Repository) -> Self {
        let database = repository.bulk_database();
        let mut links = HashMap::new();
        for pack in database.view().packs() {
            let mut places: Vec<u32> = (0..pack.index.num_objects()).collect();
            // As they lie in the pack, a delta is near its base.
            places.sort_unstable_by_key(|&place| pack.index.pack_offset_at_index(place));
            let links_of = |share: &[u32]| {
                let database = repository.bulk_database();
                let mut buffer = Vec::new();
                let mut commit = |id: &oid| {
                    database.require_kind(Kind::Commit, id).ok()?;
                    Some((id.to_owned(), database.links(id, &mut buffer).ok()?))
                };
                share.iter().map(|&place| commit(pack.index.oid_at_index(place))).collect()
            };
            let Ok(()) = cores::in_order(&places, links_of, |_, found| {
                links.extend(found);
                Ok::<(), Infallible>(())
            });
        }
        Self { links, database }
    }
}

impl Objects for PackedLinks {
    fn read<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> Result<Option<(Kind, &'a [u8])>, StoreError> {
        self.database.read(id, buffer)
    }

    fn header(&self, id: &oid) -> Result<Option<(Kind, u64)>, StoreError> {
        self.database.header(id)
    }

    fn links(&self, commit: &oid, buffer: &mut Vec<u8>) -> Result<CommitLinks, StoreError> {
        self.links.get(commit).map_or_else(|| self.database.links(commit, buffer), |links| Ok(links.clone()))
    }
}
