//! Files as Git's tree objects. The same for every rule set.

use parv_model::{BlobId, TreeId, object};
use std::collections::BTreeMap;
use std::fmt::Display;

/// A tree and the trees below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The id of the root tree.
    pub id: TreeId,
    /// The bytes of the tree objects, each after those that it names, the root last.
    pub trees: Vec<Vec<u8>>,
}

/// The blob of an empty file.
pub const EMPTY_BLOB: BlobId = BlobId::from_bytes([
    0xe6, 0x9d, 0xe2, 0x9b, 0xb2, 0xd1, 0xd6, 0x43, 0x4b, 0x8b, 0x29, 0xae, 0x77, 0x5a, 0xd8, 0xc2, 0xe4, 0x8c, 0x53,
    0x91,
]);

/// The tree of these files, by their paths; no file's path is another one's folder.
pub fn render<P: Display>(files: &BTreeMap<P, BlobId>) -> Rendered {
    let mut root = Folder::default();
    for (path, blob) in files {
        let path = path.to_string();
        let mut folder = &mut root;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                folder.files.insert(name.to_owned(), *blob);
            } else {
                folder = folder.folders.entry(name.to_owned()).or_default();
            }
        }
    }
    let mut trees = Vec::new();
    let id = root.write(&mut trees);
    Rendered { id, trees }
}

/// One folder while it is put together.
#[derive(Default)]
struct Folder {
    files: BTreeMap<String, BlobId>,
    folders: BTreeMap<String, Folder>,
}

impl Folder {
    fn write(&self, trees: &mut Vec<Vec<u8>>) -> TreeId {
        // Git sorts entries by name, a folder's with a slash behind it.
        let mut entries: BTreeMap<String, (&str, &str, [u8; 20])> = BTreeMap::new();
        for (name, blob) in &self.files {
            entries.insert(name.clone(), ("100644", name, *blob.as_bytes()));
        }
        for (name, folder) in &self.folders {
            entries.insert(format!("{name}/"), ("40000", name, *folder.write(trees).as_bytes()));
        }
        let mut list = List::default();
        entries.values().for_each(|(mode, name, id)| list.entry(mode, name, Some(id)));
        let id = name(&list.0);
        trees.push(list.0);
        id
    }
}

/// The bytes of a tree object, its entries in the order in which they come.
#[derive(Default)]
pub(crate) struct List(pub(crate) Vec<u8>);

impl List {
    pub(crate) fn entry(&mut self, mode: &str, name: &str, id: Option<&[u8; 20]>) {
        if let Some(id) = id {
            for part in [mode.as_bytes(), b" ", name.as_bytes(), b"\0", id] {
                self.0.extend_from_slice(part);
            }
        }
    }

    pub(crate) fn folder(&mut self, name: &str, id: Option<TreeId>) {
        self.entry("40000", name, id.as_ref().map(TreeId::as_bytes));
    }

    /// A file that is named by the hex digits of a key.
    pub(crate) fn file(&mut self, key: &[u8; 32], suffix: &str, blob: BlobId) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.0.extend_from_slice(b"100644 ");
        self.0.extend(key.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]));
        for part in [suffix.as_bytes(), b"\0", blob.as_bytes()] {
            self.0.extend_from_slice(part);
        }
    }

    pub(crate) fn bytes(self) -> Option<Vec<u8>> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

/// The name of a tree object.
pub(crate) fn name(tree: &[u8]) -> TreeId {
    object::tree_id(tree).expect("a tree of names that were checked and genuine ids is no collision attack")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_file_is_gits() {
        assert_eq!(object::blob_id(b""), Ok(EMPTY_BLOB));
    }
}
