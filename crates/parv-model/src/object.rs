//! Git's object names: the SHA-1 of a short header and the bytes.
//!
//! The hash is the collision-detecting one, by the same code that names the objects of a store: bytes that carry a known
//! SHA-1 collision attack have no name here at all (validation §8).

use crate::id::{BlobId, CommitId, TreeId};

/// The bytes carry a SHA-1 collision attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes carry a SHA-1 collision attack")]
pub struct CollisionAttack;

fn name(kind: &str, bytes: &[u8]) -> Result<[u8; 20], CollisionAttack> {
    let mut hasher = sha1dc::Hasher::new();
    hasher.update(format!("{kind} {}\0", bytes.len()).as_bytes());
    hasher.update(bytes);
    hasher.finalize().map(sha1dc::Digest::to_bytes).map_err(|_| CollisionAttack)
}

/// The name of a commit with these bytes.
pub fn commit_id(bytes: &[u8]) -> Result<CommitId, CollisionAttack> {
    name("commit", bytes).map(CommitId::from_bytes)
}

/// The name of a blob with these bytes.
pub fn blob_id(bytes: &[u8]) -> Result<BlobId, CollisionAttack> {
    name("blob", bytes).map(BlobId::from_bytes)
}

/// The name of a tree with these bytes.
pub fn tree_id(bytes: &[u8]) -> Result<TreeId, CollisionAttack> {
    name("tree", bytes).map(TreeId::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that stock git gives the empty blob and the empty tree.
    #[test]
    fn names_are_gits() {
        assert_eq!(blob_id(b"").unwrap().to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(tree_id(b"").unwrap().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }
}
