//! Git objects in a map.

use parv_model::{BlobId, CommitId, TreeId, TreePath, object};
use parv_validator::{BlobSource, Draft, SourceError};
use std::collections::BTreeMap;

/// Commits, trees and blobs by their ids.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    commits: BTreeMap<CommitId, Vec<u8>>,
    trees: BTreeMap<TreeId, Vec<u8>>,
    blobs: BTreeMap<BlobId, Vec<u8>>,
}

impl Objects {
    /// Takes in a commit.
    pub fn add_commit(&mut self, id: CommitId, bytes: Vec<u8>) {
        self.commits.insert(id, bytes);
    }

    /// Takes in everything that a draft brings.
    pub fn add_draft(&mut self, draft: &Draft) {
        for tree in draft.trees() {
            self.add_tree(tree.clone());
        }
        for blob in draft.blobs() {
            self.add_blob(blob.to_vec());
        }
    }

    /// Takes in a tree.
    pub fn add_tree(&mut self, bytes: Vec<u8>) -> TreeId {
        let id = object::tree_id(&bytes).expect("no collision attack");
        self.trees.insert(id, bytes);
        id
    }

    /// Takes in a blob.
    pub fn add_blob(&mut self, bytes: Vec<u8>) -> BlobId {
        let id = object::blob_id(&bytes).expect("no collision attack");
        self.blobs.insert(id, bytes);
        id
    }

    /// The bytes of a commit.
    pub fn commit(&self, id: &CommitId) -> &[u8] {
        &self.commits[id]
    }

    /// What an object is ("commit", "tree" or "blob") and its bytes, if it is here.
    pub fn find(&self, id: &[u8; 20]) -> Option<(&'static str, &[u8])> {
        let commit = self.commits.get(&CommitId::from_bytes(*id)).map(|bytes| ("commit", bytes));
        let tree = || self.trees.get(&TreeId::from_bytes(*id)).map(|bytes| ("tree", bytes));
        let blob = || self.blobs.get(&BlobId::from_bytes(*id)).map(|bytes| ("blob", bytes));
        commit.or_else(tree).or_else(blob).map(|(kind, bytes)| (kind, bytes.as_slice()))
    }

    /// The tree `tree` with `blob` put at `path` (or removed from it), as new tree objects.
    pub fn with_file(&mut self, tree: &TreeId, path: &str, blob: Option<BlobId>) -> TreeId {
        let mut entries = self.entries(tree).unwrap_or_default();
        match path.split_once('/') {
            None => match blob {
                Some(blob) => drop(entries.insert(path.to_owned(), (false, *blob.as_bytes()))),
                None => drop(entries.remove(path)),
            },
            Some((folder, rest)) => {
                let below = entries.get(folder).map_or(TreeId::from_bytes([0; 20]), |(_, id)| TreeId::from_bytes(*id));
                let below = self.with_file(&below, rest, blob);
                entries.insert(folder.to_owned(), (true, *below.as_bytes()));
            }
        }
        let mut sorted: Vec<_> = entries.into_iter().collect();
        sorted.sort_by_key(|(name, (is_folder, _))| if *is_folder { format!("{name}/") } else { name.clone() });
        let mut bytes = Vec::new();
        for (name, (is_folder, id)) in sorted {
            bytes.extend_from_slice(format!("{} {name}\0", if is_folder { "40000" } else { "100644" }).as_bytes());
            bytes.extend_from_slice(&id);
        }
        self.add_tree(bytes)
    }

    /// The paths of all files of a tree, sorted; nothing of trees that are not here.
    pub fn paths(&self, tree: &TreeId) -> Vec<String> {
        let mut paths = Vec::new();
        for (name, (is_folder, id)) in self.entries(tree).unwrap_or_default() {
            match is_folder {
                true => paths.extend(self.paths(&TreeId::from_bytes(id)).iter().map(|path| format!("{name}/{path}"))),
                false => paths.push(name),
            }
        }
        paths.sort();
        paths
    }

    fn entries(&self, tree: &TreeId) -> Option<BTreeMap<String, (bool, [u8; 20])>> {
        let mut entries = BTreeMap::new();
        let mut rest = self.trees.get(tree)?.as_slice();
        while !rest.is_empty() {
            let space = rest.iter().position(|&b| b == b' ')?;
            let zero = rest.iter().position(|&b| b == 0)?;
            let name = std::str::from_utf8(rest.get(space + 1..zero)?).ok()?.to_owned();
            let id = rest.get(zero + 1..zero + 21)?.try_into().ok()?;
            entries.insert(name, (&rest[..space] == b"40000", id));
            rest = &rest[zero + 21..];
        }
        Some(entries)
    }
}

impl BlobSource for Objects {
    fn entry(&self, tree: &TreeId, path: &TreePath) -> Result<Option<BlobId>, SourceError> {
        let path = path.to_string();
        let mut tree = *tree;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let entries = self.entries(&tree).ok_or_else(|| SourceError::Missing(tree.to_string()))?;
            match entries.get(name) {
                None => return Ok(None),
                Some((false, id)) if names.peek().is_none() => return Ok(Some(BlobId::from_bytes(*id))),
                Some((true, id)) if names.peek().is_some() => tree = TreeId::from_bytes(*id),
                Some(_) => {
                    let why = format!("{name} is not what {path} needs it to be");
                    return Err(SourceError::Malformed { id: tree.to_string(), why });
                }
            }
        }
        Ok(None)
    }

    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
        let bytes = self.blobs.get(id).ok_or_else(|| SourceError::Missing(id.to_string()))?;
        if bytes.len() > limit {
            return Err(SourceError::TooLarge { id: id.to_string(), size: bytes.len() as u64, limit });
        }
        Ok(bytes.clone())
    }
}
