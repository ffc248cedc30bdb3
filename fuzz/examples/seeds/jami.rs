//! Conversations that daemons of Jami wrote, from the bundles in `interop/fixtures`.

use crate::{Done, put};
use parv_fuzz::jami::Shelf;
use parv_model::TreeId;
use parv_store::{Foreign, TreeEntry};
use parv_validator::BlobSource;
use std::path::Path;

/// Those with the most kinds of commits for their size.
const BUNDLES: [&str; 6] =
    ["one_to_one", "pair_all_types", "leave", "group4_ban_unban", "neg/edit_adds_file", "neg/ctl_merge"];

pub fn conversations() -> Done {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop/fixtures/jami");
    for name in BUNDLES {
        let foreign = Foreign::open(&folder.join(format!("{name}.bundle")))?;
        let mut shelf = Shelf::default();
        for (id, _) in foreign.walk(foreign.heads())? {
            let commit = foreign.commit(&id)?;
            let tree = parv_jami::commit::Commit::decode(&commit)?.tree;
            gather(&foreign, &mut shelf, tree)?;
            shelf.commits.push(commit);
        }
        put("jami", &name.replace('/', "-"), &shelf.write())?;
    }
    Ok(())
}

fn gather(foreign: &Foreign, shelf: &mut Shelf, tree: TreeId) -> Done {
    if shelf.trees.contains_key(tree.as_bytes()) {
        return Ok(());
    }
    let mut bytes = Vec::new();
    for (name, entry) in foreign.entries(&tree)? {
        let (mode, id) = match entry {
            TreeEntry::Folder(folder) => {
                gather(foreign, shelf, folder)?;
                ("40000", *folder.as_bytes())
            }
            TreeEntry::File(blob) => {
                let contents = foreign.blob(&blob, usize::from(u16::MAX))?;
                shelf.blobs.insert(*blob.as_bytes(), contents);
                ("100644", *blob.as_bytes())
            }
        };
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend_from_slice(&id);
    }
    shelf.trees.insert(*tree.as_bytes(), bytes);
    Ok(())
}
