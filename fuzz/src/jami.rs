//! Conversations of Jami as they lie in a repository: commits, trees and files, each under the name that it is said to have.
//!
//! Names are not checked against contents, as they would be for a real repository: so a changed certificate is still found where
//! the tree says that it is, and its reader sees the change.

use parv_jami::certificate::DeviceCertificate;
use parv_jami::source::{Entry, EntryKind, Objects, SourceError};
use parv_jami::{CheckedCommit, JamiRules, Keyring, Replica};
use parv_model::{BlobId, CommitId, TreeId};
use parv_validator::rules::{Checked, Rendering};
use std::collections::{BTreeMap, BTreeSet};

/// A repository, as bytes and back.
#[derive(Debug, Default)]
pub struct Shelf {
    /// Parents first.
    pub commits: Vec<Vec<u8>>,
    /// The bytes of tree objects.
    pub trees: BTreeMap<[u8; 20], Vec<u8>>,
    /// The bytes of files.
    pub blobs: BTreeMap<[u8; 20], Vec<u8>>,
}

impl Shelf {
    /// Each object as its kind (`c`, `t`, `b`), its name, its length in two bytes, and itself.
    pub fn write(&self) -> Vec<u8> {
        let commits = self.commits.iter().map(|bytes| (b'c', [0; 20], bytes));
        let trees = self.trees.iter().map(|(id, bytes)| (b't', *id, bytes));
        let blobs = self.blobs.iter().map(|(id, bytes)| (b'b', *id, bytes));
        let mut all = Vec::new();
        for (kind, id, bytes) in trees.chain(blobs).chain(commits) {
            all.push(kind);
            all.extend_from_slice(&id);
            all.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
            all.extend_from_slice(bytes);
        }
        all
    }

    /// What can be read of such bytes.
    pub fn read(mut bytes: &[u8]) -> Self {
        let mut shelf = Self::default();
        while let Some((&[kind, ref name @ .., high, low], rest)) = bytes.split_first_chunk::<23>() {
            let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
            let (object, rest) = rest.split_at(length);
            match kind {
                b'c' => shelf.commits.push(object.to_vec()),
                b't' => drop(shelf.trees.insert(*name, object.to_vec())),
                _ => drop(shelf.blobs.insert(*name, object.to_vec())),
            }
            bytes = rest;
        }
        shelf
    }
}

impl Objects for Shelf {
    fn tree(&self, id: &TreeId) -> Result<Vec<Entry>, SourceError> {
        let missing = || SourceError::Missing(id.to_string());
        let malformed = || SourceError::Malformed { id: id.to_string(), why: "it is no tree".to_owned() };
        let mut bytes = self.trees.get(id.as_bytes()).ok_or_else(missing)?.as_slice();
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            let end = bytes.iter().position(|&byte| byte == 0).ok_or_else(malformed)?;
            let line = std::str::from_utf8(&bytes[..end]).map_err(|_| malformed())?;
            let (mode, name) = line.split_once(' ').ok_or_else(malformed)?;
            let (object, rest) = bytes[end + 1..].split_first_chunk::<20>().ok_or_else(malformed)?;
            let kind = match mode {
                "40000" => EntryKind::Folder(TreeId::from_bytes(*object)),
                "100644" => EntryKind::File(BlobId::from_bytes(*object)),
                _ => return Err(malformed()),
            };
            entries.push(Entry { name: name.to_owned(), kind });
            bytes = rest;
        }
        Ok(entries)
    }

    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
        let bytes = self.blobs.get(id.as_bytes()).ok_or_else(|| SourceError::Missing(id.to_string()))?;
        if bytes.len() > limit {
            return Err(SourceError::TooLarge { id: id.to_string(), size: bytes.len() as u64, limit });
        }
        Ok(bytes.clone())
    }
}

/// Everything that one judge takes in.
struct Taken {
    replica: Option<Replica>,
    commits: Vec<CheckedCommit>,
}

fn judge(shelf: &Shelf, keys: &Keyring, rules: JamiRules) -> Taken {
    let mut taken = Taken { replica: None, commits: Vec::new() };
    for bytes in &shelf.commits {
        let Ok(commit) = CheckedCommit::decode(bytes).and_then(|decoded| CheckedCommit::check(&decoded, keys)) else {
            continue;
        };
        let done = match &mut taken.replica {
            Some(replica) => replica.admit(&commit, shelf),
            None => Replica::begin_under(rules.clone(), &commit, shelf).map(|replica| taken.replica = Some(replica)),
        };
        if done.is_ok() {
            taken.commits.push(commit);
        }
    }
    taken
}

/// No panic; a lenient judge takes all that a strict one takes, without a word about it; every commit that is taken has
/// the tree of its state; what is taken back comes to the same when it comes again.
pub fn hold(bytes: &[u8]) {
    let shelf = Shelf::read(bytes);
    let mut keys = Keyring::default();
    shelf.blobs.values().filter_map(|blob| DeviceCertificate::from_pem(blob).ok()).for_each(|found| keys.add(&found));
    let strict = judge(&shelf, &keys, JamiRules::strict());
    let lenient = judge(&shelf, &keys, JamiRules::lenient());
    let ids = |taken: &Taken| taken.commits.iter().map(Checked::id).collect::<BTreeSet<CommitId>>();
    let (all, more) = (ids(&strict), ids(&lenient));
    // With another first commit it is another conversation.
    let same = strict.replica.as_ref().map(Replica::root) == lenient.replica.as_ref().map(Replica::root);
    assert!(!same || all.is_subset(&more), "a lenient judge takes no less");
    if let Some(replica) = lenient.replica.as_ref().filter(|_| same) {
        for warning in replica.rules().warnings() {
            assert!(!all.contains(&warning.commit), "a strict judge says nothing of {}", warning.commit);
        }
    }
    let Some(mut replica) = strict.replica else { return };
    for commit in &strict.commits {
        assert_eq!(replica.state(&[commit.id()]).tree(), commit.tree(), "the tree is a proof");
    }
    let heads: Vec<CommitId> = replica.maximal(&all.iter().copied().collect::<Vec<_>>());
    let (state, checkpoint) = (replica.state(&heads).tree(), replica.checkpoint());
    let (first, rest) = strict.commits.split_at(strict.commits.len().div_ceil(2));
    let Some((root, first)) = first.split_first() else { return };
    let mut again = Replica::begin_under(JamiRules::strict(), root, &shelf).expect("it was taken before");
    first.iter().for_each(|commit| again.admit(commit, &shelf).expect("it was taken before"));
    let half = again.checkpoint();
    for _ in 0..2 {
        again.rollback(half);
        rest.iter().for_each(|commit| again.admit(commit, &shelf).expect("it was taken before"));
    }
    assert_eq!(again.state(&heads).tree(), state, "what is taken back comes again");
    replica.rollback(checkpoint);
    assert_eq!(replica.len(), strict.commits.len());
}
