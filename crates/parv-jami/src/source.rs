//! Where trees and files are read.

use crate::path::Path;
use parv_model::{BlobId, TreeId};
pub use parv_validator::SourceError;
use std::collections::BTreeMap;

/// The deepest path that a tree of a conversation has, in folders.
const MAX_DEPTH: usize = 8;

/// The most files that a tree may have where all of it is read.
const MAX_FILES: usize = 200_000;

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file of mode 100644.
    File(BlobId),
    /// A folder.
    Folder(TreeId),
}

/// Read access to the trees and files of a history.
pub trait Objects {
    /// The file at `path` in `tree`, `None` when there is none. Anything else at that place than a regular file of mode
    /// 100644 is an error.
    fn entry(&self, tree: &TreeId, path: &str) -> Result<Option<BlobId>, SourceError> {
        let mut folder = *tree;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let found = self.tree(&folder)?.into_iter().find(|entry| entry.name == name);
            match (found.map(|entry| entry.kind), names.peek()) {
                (None, _) => return Ok(None),
                (Some(EntryKind::Folder(next)), Some(_)) => folder = next,
                (Some(EntryKind::File(blob)), None) => return Ok(Some(blob)),
                (Some(EntryKind::Folder(_)), None) => return Err(malformed(&folder, format!("{path} is a folder"))),
                (Some(EntryKind::File(_)), Some(_)) => {
                    return Err(malformed(&folder, format!("{name} in {path} is not a folder")));
                }
            }
        }
        Ok(None)
    }

    /// The entries of one tree object, which has nothing but regular files and folders.
    fn tree(&self, id: &TreeId) -> Result<Vec<Entry>, SourceError>;

    /// The bytes of a file. An error when it is missing or has more than `limit` bytes.
    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError>;
}

/// Every file of a tree.
pub(crate) fn files(objects: &dyn Objects, tree: &TreeId) -> Result<BTreeMap<Path, BlobId>, SourceError> {
    let mut files = BTreeMap::new();
    let mut open = vec![(String::new(), *tree, 0)];
    while let Some((prefix, folder, depth)) = open.pop() {
        for entry in objects.tree(&folder)? {
            let path = format!("{prefix}{}", entry.name);
            match entry.kind {
                EntryKind::File(blob) => drop(files.insert(Path::parse(&path), blob)),
                EntryKind::Folder(next) if depth < MAX_DEPTH => open.push((path + "/", next, depth + 1)),
                EntryKind::Folder(_) => return Err(malformed(tree, "its folders are too deep")),
            }
            if files.len() > MAX_FILES {
                return Err(malformed(tree, format!("it has more than {MAX_FILES} files")));
            }
        }
    }
    Ok(files)
}

fn malformed(tree: &TreeId, why: impl Into<String>) -> SourceError {
    SourceError::Malformed { id: tree.to_string(), why: why.into() }
}
