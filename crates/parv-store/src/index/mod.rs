//! A derived index of commits: one row for each, found by position, by id, or in display order.
//!
//! The store knows of a row only what it takes to find it; the rest, and a summary of all rows, are bytes that somebody else
//! reads and answers for. Nothing here is trusted to last: whatever is missing, damaged, or of another version is an error, upon
//! which the index is [removed](Index::remove) and built anew from the repository.
//!
//! Rows lie in *layers*: files that are written once and never changed. More rows make one more layer, into which those
//! before it go that are not much larger, so that there are few, and each row is written again only a few times. A list names
//! the layers, and replaces the list before it in one step; only that makes new rows part of the index. So whoever is killed in
//! between leaves files that nobody reads. What was read of a layer is kept in small caches: memory does not grow with the
//! number of rows.
//!
//! ```text
//! parv-index/list       the layers with their numbers of rows, the summary, a checksum
//! parv-index/<number>   a layer: pages of rows, of ids with positions, of positions in display order; each with a checksum
//! ```

mod layer;
mod list;
mod newest;
mod pages;

use crate::durable;
use crate::error::StoreError;
use crate::layout;
use layer::{Fresh, Layer, Run};
use list::List;
pub use newest::Newest;
use parv_model::CommitId;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many bytes of a row somebody else reads.
pub const REST_BYTES: usize = 53;

/// A layer joins the new one when it has fewer than so many times as many rows as that has already.
const GROWTH: u64 = 2;

const FOLDER: &str = "parv-index";
const LOCK: &str = "lock";

/// Where a commit stands in display order: generation, time, id.
pub type Place = (u64, i64, CommitId);

/// A row of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexRow {
    /// Where it stands in display order, with the id of the commit.
    pub place: Place,
    /// Whether it is among those that are [listed](Index::newest) in that order.
    pub listed: bool,
    /// What somebody else keeps of the commit.
    pub rest: [u8; REST_BYTES],
}

/// The index of a repository as it was at some moment. It stays readable when rows are added; cheap to clone.
#[derive(Debug, Clone)]
pub struct Index {
    folder: PathBuf,
    layers: Vec<Arc<Layer>>,
}

impl Index {
    /// An index without rows, for the repository in this folder.
    pub fn empty(repository: &Path) -> Self {
        Self { folder: repository.join(FOLDER), layers: Vec::new() }
    }

    /// The index of the repository in this folder, with the summary that was kept last; `None` when there is none.
    ///
    /// Reads the summary, and of the rows only how long their files are.
    pub fn open(repository: &Path) -> Result<Option<(Self, Vec<u8>)>, StoreError> {
        let folder = repository.join(FOLDER);
        let Some(List { layers, summary }) = List::read(&folder)? else { return Ok(None) };
        let mut index = Self { folder, layers: Vec::with_capacity(layers.len()) };
        let mut first = 0;
        for named in layers {
            let layer = Layer::open(&index.folder, named, first)?;
            first = layer.end();
            index.layers.push(Arc::new(layer));
        }
        Ok(Some((index, summary)))
    }

    /// Removes the index of the repository in this folder. Those who have it open can still read it.
    pub fn remove(repository: &Path) -> Result<(), StoreError> {
        let folder = repository.join(FOLDER);
        if !folder.is_dir() {
            return Ok(());
        }
        let _lock = lock(&folder)?;
        layout::remove_if_there(&list::path(&folder))?;
        sweep(&folder, &[])
    }

    /// The index with these rows after those that it has, and with this summary instead of the last one. Durable when it
    /// returns, though nothing depends on that.
    ///
    /// # Errors
    /// Nothing has changed then. One of them is that somebody else is at it, or was, so that this index is not the one
    /// that lies there.
    pub fn extended(&self, rows: &[IndexRow], summary: &[u8]) -> Result<Self, StoreError> {
        layout::make_folders(&self.folder)?;
        let _lock = lock(&self.folder)?;
        let before = List::read(&self.folder)?.map_or_else(Vec::new, |list| list.layers);
        if before != self.layers.iter().map(|layer| layer.named()).collect::<Vec<_>>() {
            return Err(damaged("somebody else changed it meanwhile"));
        }
        let mut layers = self.layers.clone();
        if !rows.is_empty() {
            let fresh = Fresh::new(self.rows(), rows)?;
            let mut joining = Vec::new();
            let mut joined = rows.len() as u64;
            while let Some(last) = layers.pop_if(|last| u64::from(last.rows()) < GROWTH * joined) {
                joined += u64::from(last.rows());
                joining.insert(0, last);
            }
            let runs: Vec<&dyn Run> = joining.iter().map(|layer| &**layer as &dyn Run).chain([&fresh as _]).collect();
            let number = self.layers.iter().map(|layer| layer.named().number + 1).max().unwrap_or(0);
            let first = layers.last().map_or(0, |last| last.end());
            layers.push(Arc::new(Layer::write(&self.folder, number, first, &runs)?));
        }
        let list = List { layers: layers.iter().map(|layer| layer.named()).collect(), summary: summary.to_vec() };
        list.write(&self.folder)?;
        sweep(&self.folder, &list.layers)?;
        Ok(Self { folder: self.folder.clone(), layers })
    }

    /// How many rows there are.
    pub fn rows(&self) -> u32 {
        self.layers.last().map_or(0, |last| last.end())
    }

    /// How many of them are listed in display order.
    pub fn listed(&self) -> u32 {
        self.layers.iter().map(|layer| layer.listed()).sum()
    }

    /// The row at a position.
    pub fn row(&self, position: u32) -> Result<IndexRow, StoreError> {
        let layer = self.layers.partition_point(|layer| layer.end() <= position);
        let layer = self.layers.get(layer).ok_or_else(|| damaged("it has fewer rows"))?;
        layer.row(position - layer.first())
    }

    /// The position of a commit's row.
    pub fn position(&self, commit: &CommitId) -> Result<Option<u32>, StoreError> {
        for layer in self.layers.iter().rev() {
            if let Some(position) = layer.position(commit)? {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// What is listed before a place, or at all, the newest first.
    pub fn newest(&self, end: Option<&Place>) -> Result<Newest<'_>, StoreError> {
        Newest::before(&self.layers, end)
    }
}

/// An error that says what is wrong with the index.
fn damaged(why: &str) -> StoreError {
    StoreError::Index(why.to_owned())
}

/// Says that nobody else may write, for as long as the returned file is kept.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(StoreError::io("open", &path))?;
    file.try_lock().map_err(|_| damaged("somebody else is writing it"))?;
    Ok(file)
}

/// Removes everything but the list, the lock and these layers.
fn sweep(folder: &Path, layers: &[list::Named]) -> Result<(), StoreError> {
    let keeps = layers.iter().map(|named| named.path(folder)).chain([list::path(folder), folder.join(LOCK)]);
    let keeps: Vec<PathBuf> = keeps.collect();
    layout::list(folder)?.iter().filter(|file| !keeps.contains(file)).try_for_each(|file| layout::remove_if_there(file))
}

/// Writes a file that nobody looks at before it is named, and names it, durably.
fn put(
    folder: &Path,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let draft = tempfile::NamedTempFile::new_in(folder).map_err(StoreError::io("make a file in", folder))?;
    let mut out = BufWriter::new(draft.as_file());
    write(&mut out)?;
    out.flush().and_then(|()| draft.as_file().sync_all()).map_err(StoreError::io("write", path))?;
    drop(out);
    draft.persist(path).map_err(|error| StoreError::io("move into place", path)(error.error))?;
    durable::sync_folder(folder)
}
