//! One conversation's repository.

use crate::consolidate::{self, Consolidated};
use crate::database::Database;
use crate::durable::Durability;
use crate::error::StoreError;
use crate::history::{self, Reachable};
use crate::journal::{self, Journal};
use crate::layout;
use crate::loose::{self, NewObject};
use crate::objects::{self, Objects, to_commit, to_oid, to_oids};
use crate::received::Received;
use crate::refs::{self, Move};
use crate::tree;
use crate::view::Places;
use gix::ObjectId;
use gix::objs::Kind;
use parv_model::object::{blob_id, commit_id, tree_id};
use parv_model::{BlobId, CommitId, TreeId, TreePath};
use parv_validator::{BlobSource, SourceError};
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A conversation's bare Git repository. A handle is cheap to clone and may be used from several threads.
///
/// Nobody else than stock git's readers and other handles may use the folder at the same time.
#[derive(Clone)]
pub struct Repository(Arc<Inner>);

struct Inner {
    path: PathBuf,
    places: Arc<Places>,
    /// None where nothing may be written.
    writing: Option<Writing>,
}

/// What a repository has that is open for writing.
struct Writing {
    journal: Journal,
    /// Held for as long as the repository is in use, by everybody who uses it.
    lock: File,
}

impl Drop for Writing {
    /// Whoever closes last spares the next one to open the repository a recovery. Should it fail, there is one.
    fn drop(&mut self) {
        if self.lock.try_lock().is_ok() {
            let _ = self.journal.begin_anew();
        }
    }
}

/// A commit and what it brings: raw contents of objects, without Git's headers.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'a> {
    /// Files that may not be stored yet.
    pub blobs: &'a [Vec<u8>],
    /// Trees that may not be stored yet, in any order.
    pub trees: &'a [Vec<u8>],
    /// The commit.
    pub commit: &'a [u8],
}

impl Repository {
    /// Makes an empty repository at `path`, where nothing may be yet. Folders above it are made. Either the whole
    /// repository is there afterwards, or nothing.
    pub fn init(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        layout::create(path.as_ref())?;
        Self::open(path)
    }

    /// Opens the repository at `path`. The first to open it sweeps away what a crash left behind: unfinished files, and
    /// quarantines that nobody judges any more.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let path = path.canonicalize().map_err(|_| StoreError::NotARepository(path.to_owned()))?;
        let lock = layout::enter(&path, || journal::recover(&path))?;
        let journal = Journal::open(&path)?;
        let places = Places::own(&path, layout::objects(&path))?;
        Ok(Self::with(path, places, Some(Writing { journal, lock })))
    }

    /// Opens somebody else's repository, without leaving a trace in it.
    pub(crate) fn read_only(path: &Path) -> Result<Self, StoreError> {
        let path = path.canonicalize().map_err(StoreError::io("open", path))?;
        let places = Places::foreign(&path, layout::objects(&path))?;
        Ok(Self::with(path, places, None))
    }

    fn with(path: PathBuf, places: Places, writing: Option<Writing>) -> Self {
        Self(Arc::new(Inner { path, places: Arc::new(places), writing }))
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Stores a commit and what it brings, durably, and gives its id. No head moves.
    ///
    /// The parents, and every file and tree that the commit's tree brings anew, must be stored or among what is given.
    pub fn append(&self, new: &NewCommit) -> Result<CommitId, StoreError> {
        let (all, ids) = named(std::slice::from_ref(new))?;
        let database = self.database();
        require_complete(&Layered::new(&all, &database), &ids)?;
        loose::write(&layout::objects(self.path()), &database, &all)?;
        Ok(ids[0])
    }

    /// Stores commits with what they bring, and moves the heads from `old` to `new`, in one durable step that takes a
    /// single sync of the disk: what a message needs. Either all of it is there afterwards, or no head has moved.
    ///
    /// As [`append`](Self::append) and [`set_heads`](Self::set_heads), which it does at once.
    pub fn write(&self, commits: &[NewCommit], old: &[CommitId], new: &[CommitId]) -> Result<(), StoreError> {
        let (all, ids) = named(commits)?;
        let database = self.database();
        let objects = Layered::new(&all, &database);
        require_complete(&objects, &ids)?;
        require_commits(&objects, new)?;
        self.enter(&all, old, new)
    }

    /// Stores objects and moves the heads in one durable step. The objects must be all that is missing.
    fn enter(&self, objects: &[NewObject], old: &[CommitId], new: &[CommitId]) -> Result<(), StoreError> {
        let database = self.database();
        let heads = Move::begin(self.path(), old, new)?;
        let Some(journal) = self.0.writing.as_ref().map(|writing| &writing.journal).filter(|_| Journal::fits(objects))
        else {
            loose::write(&layout::objects(self.path()), &database, objects)?;
            return heads.finish(Durability::Now);
        };
        journal.settle()?;
        let entry = journal.append(objects, old, heads.target())?;
        let written =
            journal::store(self.places(), &database, objects).and_then(|()| heads.finish(Durability::Journal));
        written.inspect_err(|_| journal.retract(entry))
    }

    /// Stores what was received, and moves the heads: [`Quarantine::migrate`](crate::Quarantine::migrate).
    pub(crate) fn take_in(&self, pack: Received, old: &[CommitId], new: &[CommitId]) -> Result<(), StoreError> {
        match pack {
            Received::Small(unpacked) => {
                let objects = unpacked.objects();
                require_commits(&Layered::new(&objects, &self.database()), new)?;
                self.enter(&objects, old, new)
            }
            Received::Large(pack) => {
                pack.move_into(self.places())?;
                self.set_heads(old, new)
            }
        }
    }

    /// Whether so much lies in small files that [`consolidate`](Self::consolidate) is worth the while. Cheap: it guesses.
    pub fn is_scattered(&self) -> bool {
        consolidate::is_due(self.path())
    }

    /// Makes one pack of the objects that lie in files of their own and in small packs, while others read and write.
    /// `None` when there is nothing to do, when somebody is at it already (another process too), or when `stop` was set before it was done.
    ///
    /// Whenever it ends, or is killed, every object is there. Stock git finds every object at every moment too.
    pub fn consolidate(&self, stop: &AtomicBool) -> Result<Option<Consolidated>, StoreError> {
        let packs = self.places().packs();
        let alone = File::open(&packs).map_err(StoreError::io("open", &packs))?;
        match alone.try_lock() {
            Ok(()) => consolidate::run(self.path(), self.places(), stop),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &packs)(error)),
        }
    }

    /// The heads: first the one that is `main`, then the others in the order of their ids. None in a new repository.
    pub fn heads(&self) -> Result<Vec<CommitId>, StoreError> {
        refs::read(self.path())
    }

    /// Moves the heads from `old` to `new` in one durable step, or fails with [`StoreError::HeadsMoved`] when they are not
    /// `old` any more. The first of `new` becomes `main`; every one must be stored.
    pub fn set_heads(&self, old: &[CommitId], new: &[CommitId]) -> Result<(), StoreError> {
        require_commits(&self.database(), new)?;
        refs::compare_and_set(self.path(), old, new)
    }

    /// The bytes of a commit, `None` when it is not stored.
    pub fn commit(&self, id: &CommitId) -> Result<Option<Vec<u8>>, StoreError> {
        commit_bytes(&self.database(), id)
    }

    /// Whether the commit belongs to the conversation: whether it can be reached from its heads.
    ///
    /// Quick for a commit that is not stored, and for one near the heads; else the cost is a walk down to its date.
    pub fn has(&self, id: &CommitId) -> Result<bool, StoreError> {
        let id = to_oid(id.as_bytes());
        if !self.database().contains(&id)? {
            return Ok(false);
        }
        let database = self.bulk_database();
        Reachable::from(&database, &to_oids(&self.heads()?))?.contains(&id)
    }

    /// The commits that `tips` reach and `hidden` do not, parents before children; of those that have no order, the one
    /// with the earlier date first.
    ///
    /// The cost is that of what is between them. When commits lie about their dates, some that `hidden` reach may be
    /// listed too; none is ever left out.
    pub fn walk(&self, tips: &[CommitId], hidden: &[CommitId]) -> Result<Vec<CommitId>, StoreError> {
        let commits = history::between(&self.bulk_database(), &to_oids(tips), &to_oids(hidden))?;
        Ok(commits.iter().map(|(id, _)| to_commit(id)).collect())
    }

    /// For single questions.
    pub(crate) fn database(&self) -> Database {
        Database::new(&self.0.places)
    }

    /// For many questions in a row.
    pub(crate) fn bulk_database(&self) -> Database {
        Database::for_bulk(&self.0.places)
    }

    /// Where its objects lie.
    pub(crate) fn places(&self) -> &Arc<Places> {
        &self.0.places
    }
}

/// The objects of new commits with their names, and the names of the commits.
fn named<'a>(commits: &'a [NewCommit<'a>]) -> Result<(Vec<NewObject<'a>>, Vec<CommitId>), StoreError> {
    let (mut all, mut ids) = (Vec::new(), Vec::new());
    for new in commits {
        for bytes in new.blobs {
            all.push(NewObject { id: to_oid(blob_id(bytes)?.as_bytes()), kind: Kind::Blob, bytes });
        }
        for bytes in new.trees {
            all.push(NewObject { id: to_oid(tree_id(bytes)?.as_bytes()), kind: Kind::Tree, bytes });
        }
        let id = commit_id(new.commit)?;
        all.push(NewObject { id: to_oid(id.as_bytes()), kind: Kind::Commit, bytes: new.commit });
        ids.push(id);
    }
    Ok((all, ids))
}

/// Makes sure that everything these commits refer to is there.
fn require_complete(objects: &impl Objects, commits: &[CommitId]) -> Result<(), StoreError> {
    let with_links = |id: ObjectId| Ok((id, objects.links(&id, &mut Vec::new())?));
    let commits = to_oids(commits).into_iter().map(with_links).collect::<Result<Vec<_>, StoreError>>()?;
    tree::visit_commits(objects, &commits, |kind, id| objects.require_kind(kind, id))
}

/// Makes sure that these commits are there.
fn require_commits(objects: &impl Objects, commits: &[CommitId]) -> Result<(), StoreError> {
    to_oids(commits).iter().try_for_each(|id| objects.require(Kind::Commit, id, &mut Vec::new()).map(drop))
}

/// New objects in memory over those that are stored.
struct Layered<'a> {
    new: HashMap<ObjectId, &'a NewObject<'a>>,
    below: &'a Database,
}

impl<'a> Layered<'a> {
    fn new(new: &'a [NewObject<'a>], below: &'a Database) -> Self {
        Self { new: new.iter().map(|object| (object.id, object)).collect(), below }
    }
}

impl Objects for Layered<'_> {
    fn read<'a>(&self, id: &gix::hash::oid, buffer: &'a mut Vec<u8>) -> Result<Option<(Kind, &'a [u8])>, StoreError> {
        let Some(new) = self.new.get(id) else {
            return self.below.read(id, buffer);
        };
        buffer.clear();
        buffer.extend_from_slice(new.bytes);
        Ok(Some((new.kind, buffer)))
    }

    fn header(&self, id: &gix::hash::oid) -> Result<Option<(Kind, u64)>, StoreError> {
        match self.new.get(id) {
            Some(new) => Ok(Some((new.kind, new.bytes.len() as u64))),
            None => self.below.header(id),
        }
    }
}

/// The bytes of a commit, `None` when it is not there.
pub(crate) fn commit_bytes(objects: &impl Objects, id: &CommitId) -> Result<Option<Vec<u8>>, StoreError> {
    let id = to_oid(id.as_bytes());
    let mut buffer = Vec::new();
    match objects.read(&id, &mut buffer)? {
        Some((Kind::Commit, bytes)) => Ok(Some(bytes.to_vec())),
        Some((other, _)) => Err(StoreError::malformed(id, format!("it is a {other}, where a commit should be"))),
        None => Ok(None),
    }
}

impl BlobSource for Repository {
    fn entry(&self, tree: &TreeId, path: &TreePath) -> Result<Option<BlobId>, SourceError> {
        objects::entry(&self.database(), tree, &path.to_string())
    }

    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
        objects::blob(&self.database(), id, limit)
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Repository").field(&self.path()).finish()
    }
}
