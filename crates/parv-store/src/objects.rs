//! Reading objects, wherever they lie.
//!
//! [`Objects`] is what the rest of the crate reads through: implemented here for the repository's own database, and by the
//! quarantine for its pack with the database behind it. Names of objects are gix's in here and the model's outside.

use crate::error::StoreError;
use crate::tree;
use gix::ObjectId;
use gix::hash::oid;
use gix::objs::Kind;
use parv_model::{BlobId, CommitId, TreeId};
use parv_validator::SourceError;

/// How much memory a reader of many objects spends on bases of deltas, in bytes.
pub(crate) const DELTA_CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Somewhere to read objects from.
pub(crate) trait Objects {
    /// The kind and the bytes of an object, `None` when it is not there.
    fn read<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> Result<Option<(Kind, &'a [u8])>, StoreError>;

    /// The kind and the size in bytes of an object, `None` when it is not there.
    fn header(&self, id: &oid) -> Result<Option<(Kind, u64)>, StoreError>;

    /// The bytes of an object of this kind; not being there is an error.
    fn require<'a>(&self, kind: Kind, id: &oid, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], StoreError> {
        match self.read(id, buffer)? {
            Some((found, bytes)) if found == kind => Ok(bytes),
            Some((found, _)) => Err(StoreError::malformed(id, format!("it is a {found}, where a {kind} should be"))),
            None => Err(StoreError::missing(name(kind), id)),
        }
    }

    /// Makes sure that an object is there and of this kind.
    fn require_kind(&self, kind: Kind, id: &oid) -> Result<(), StoreError> {
        match self.header(id)? {
            Some((found, _)) if found == kind => Ok(()),
            Some((found, _)) => Err(StoreError::malformed(id, format!("it is a {found}, where a {kind} should be"))),
            None => Err(StoreError::missing(name(kind), id)),
        }
    }

    /// What a commit refers to.
    fn links(&self, commit: &oid, buffer: &mut Vec<u8>) -> Result<CommitLinks, StoreError> {
        let bytes = self.require(Kind::Commit, commit, buffer)?;
        CommitLinks::parse(bytes).map_err(|why| StoreError::malformed(commit, why))
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Blob => "file",
        Kind::Tree => "tree",
        Kind::Commit => "commit",
        Kind::Tag => "tag",
    }
}

/// What a commit refers to, and when it says it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitLinks {
    pub tree: ObjectId,
    pub parents: Vec<ObjectId>,
    /// Seconds since 1970. A claim: it may order a search, but no answer may depend on it.
    pub time: i64,
}

impl CommitLinks {
    /// Reads the headers that all Git commits have. Whether the others are in order is not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut lines = bytes.split(|&byte| byte == b'\n');
        let tree = lines.next().and_then(|line| line.strip_prefix(b"tree ")).ok_or("it does not begin with a tree")?;
        let tree = ObjectId::from_hex(tree).map_err(|_| "its tree is no object id")?;
        let mut parents = Vec::new();
        for line in lines {
            if let Some(parent) = line.strip_prefix(b"parent ") {
                parents.push(ObjectId::from_hex(parent).map_err(|_| "a parent is no object id")?);
            } else if let Some(committer) = line.strip_prefix(b"committer ") {
                let time = committer.rsplit(|&byte| byte == b' ').nth(1);
                let time = time.and_then(|time| std::str::from_utf8(time).ok()?.parse().ok());
                return Ok(Self { tree, parents, time: time.ok_or("its committer has no date")? });
            } else if line.is_empty() {
                break;
            }
        }
        Err("it has no committer")
    }
}

pub(crate) fn database_error(id: &oid, source: gix::Error) -> StoreError {
    StoreError::Database { id: id.to_string(), source: Box::new(source) }
}

/// [`parv_validator::BlobSource::entry`] over any objects.
pub(crate) fn entry(objects: &impl Objects, root: &TreeId, path: &str) -> Result<Option<BlobId>, SourceError> {
    let mut names = path.split('/').peekable();
    let mut current = to_oid(root.as_bytes());
    let mut buffer = Vec::new();
    while let Some(name) = names.next() {
        let bytes =
            objects.require(Kind::Tree, &current, &mut buffer).map_err(|error| source_error(&current, error))?;
        let found = tree::find(bytes, name.as_bytes()).map_err(|why| malformed(&current, why))?;
        let Some(found) = found else { return Ok(None) };
        match (found.is_tree, names.peek()) {
            (true, Some(_)) => current = found.id,
            (false, None) => return Ok(Some(BlobId::from_bytes(to_bytes(&found.id)))),
            (true, None) => return Err(malformed(&current, format!("{path} is a folder"))),
            (false, Some(_)) => return Err(malformed(&current, format!("{name} in {path} is not a folder"))),
        }
    }
    Ok(None)
}

/// [`parv_validator::BlobSource::blob`] over any objects.
pub(crate) fn blob(objects: &impl Objects, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
    let oid = to_oid(id.as_bytes());
    let header = objects.header(&oid).map_err(|error| source_error(&oid, error))?;
    let (_, size) = header.ok_or_else(|| SourceError::Missing(id.to_string()))?;
    if size > limit as u64 {
        return Err(SourceError::TooLarge { id: id.to_string(), size, limit });
    }
    let mut buffer = Vec::new();
    let bytes = objects.require(Kind::Blob, &oid, &mut buffer).map_err(|error| source_error(&oid, error))?;
    Ok(bytes.to_vec())
}

/// An entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeEntry {
    /// A regular file.
    File(BlobId),
    /// A folder.
    Folder(TreeId),
}

/// The entries of one tree object with their names, in Git's order.
pub(crate) fn entries(objects: &impl Objects, tree: &TreeId) -> Result<Vec<(String, TreeEntry)>, SourceError> {
    let id = to_oid(tree.as_bytes());
    let mut buffer = Vec::new();
    let bytes = objects.require(Kind::Tree, &id, &mut buffer).map_err(|error| source_error(&id, error))?;
    let found = tree::parse(bytes).map_err(|why| malformed(&id, why))?.into_iter().map(|entry| {
        let bytes = to_bytes(&entry.id);
        let kind = match entry.is_tree {
            true => TreeEntry::Folder(TreeId::from_bytes(bytes)),
            false => TreeEntry::File(BlobId::from_bytes(bytes)),
        };
        (String::from_utf8_lossy(entry.name).into_owned(), kind)
    });
    Ok(found.collect())
}

fn malformed(id: &oid, why: impl Into<String>) -> SourceError {
    SourceError::Malformed { id: id.to_string(), why: why.into() }
}

fn source_error(id: &oid, error: StoreError) -> SourceError {
    match error {
        StoreError::Missing { id, .. } => SourceError::Missing(id),
        StoreError::Malformed { id, why } => SourceError::Malformed { id, why },
        other => SourceError::Io { id: id.to_string(), why: chain(&other) },
    }
}

/// An error with what caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text += ": ";
        text += &cause.to_string();
        next = cause.source();
    }
    text
}

/// The model's name of an object as gix's.
pub(crate) fn to_oid(bytes: &[u8; 20]) -> ObjectId {
    ObjectId::Sha1(*bytes)
}

/// gix's name of an object as the model's.
pub(crate) fn to_bytes(id: &oid) -> [u8; 20] {
    id.as_bytes().try_into().expect("only SHA-1 databases are ever opened")
}

/// gix's name of a commit as the model's.
pub(crate) fn to_commit(id: &oid) -> CommitId {
    CommitId::from_bytes(to_bytes(id))
}

/// The model's names of commits as gix's.
pub(crate) fn to_oids(commits: &[CommitId]) -> Vec<ObjectId> {
    commits.iter().map(|commit| to_oid(commit.as_bytes())).collect()
}
