//! From a state to its one Git tree (validation §1 and §2, "the tree is a proof").

use parv_model::{BlobId, TreeId, TreePath, object};
use std::collections::BTreeMap;

/// A tree and all trees below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The id of the root tree.
    pub id: TreeId,
    /// The bytes of every tree object, the root last.
    pub trees: Vec<Vec<u8>>,
}

/// The blob of an empty file.
pub(crate) fn empty_blob() -> BlobId {
    object::blob_id(b"").expect("nothing is no collision attack")
}

/// One folder while it is put together.
#[derive(Default)]
struct Folder {
    files: BTreeMap<String, BlobId>,
    folders: BTreeMap<String, Folder>,
}

/// Writes the tree objects for these files.
pub(crate) fn render(files: &BTreeMap<TreePath, BlobId>) -> Rendered {
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
        let mut bytes = Vec::new();
        for (mode, name, id) in entries.values() {
            bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            bytes.extend_from_slice(id);
        }
        let id = object::tree_id(&bytes).expect("a tree of our own names and genuine ids is no collision attack");
        trees.push(bytes);
        id
    }
}
