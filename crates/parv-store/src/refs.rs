//! The heads of a conversation, as Git refs.
//!
//! The first head is `refs/heads/main`, which HEAD points to; each other one is `refs/heads/side/<commit id>`. So a plain
//! stock clone gets everything.
//!
//! All of them stand in one file, `packed-refs`, and move together: one new file, one rename. There is no moment at which
//! a crash could leave half of a move behind. Refs in files of their own, which only stock git writes, count as they do
//! for stock git (they win over `packed-refs`) and are folded in at the next move.

use crate::durable::{self, Durability};
use crate::error::StoreError;
use crate::layout;
use parv_model::CommitId;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The most heads that a conversation may have at once. Devices merge long before; a peer with more is not fetched from.
pub const MAX_HEADS: usize = 256;

/// Where HEAD points, and what a plain clone checks out.
pub(crate) const MAIN: &str = "refs/heads/main";

const SIDE: &str = "refs/heads/side/";
const PACKED: &str = "packed-refs";
const SORTED: &str = "# pack-refs with: sorted \n";
const PEELED_AND_SORTED: &str = "# pack-refs with: peeled fully-peeled sorted \n";

/// How long to wait for another process that is moving refs. A move takes milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How often to look whether it is done.
const LOCK_POLL: Duration = Duration::from_millis(2);

/// The name of the ref for a head.
pub(crate) fn name_of(index: usize, head: &CommitId) -> String {
    if index == 0 { MAIN.to_owned() } else { format!("{SIDE}{head}") }
}

/// The heads: main first, then the others in the order of their ids. None in a new repository.
pub(crate) fn read(repository: &Path) -> Result<Vec<CommitId>, StoreError> {
    Ok(Refs::read(repository)?.heads())
}

/// Moves all heads at once, if they are still the `old` ones. Durable when it returns.
pub(crate) fn compare_and_set(repository: &Path, old: &[CommitId], new: &[CommitId]) -> Result<(), StoreError> {
    Move::begin(repository, old, new)?.finish(Durability::Now)
}

/// Sets the heads, whatever they are now and even if that cannot be read. Durable when it returns.
pub(crate) fn overwrite(repository: &Path, new: &[CommitId]) -> Result<(), StoreError> {
    let new = checked(new)?;
    let packed = Lock::take(&repository.join(PACKED))?;
    let refs = match Refs::read(repository) {
        Err(StoreError::MalformedRefs { .. }) => Refs::empty(),
        refs => refs?,
    };
    Move { repository, packed, refs, new }.finish(Durability::Now)
}

/// A move of the heads that nobody can come between: the refs are locked and the heads are what was expected.
pub(crate) struct Move<'a> {
    repository: &'a Path,
    packed: Lock,
    refs: Refs,
    new: Vec<CommitId>,
}

impl<'a> Move<'a> {
    /// Locks the refs and makes sure that the heads are the `old` ones. Nothing has moved yet.
    pub(crate) fn begin(repository: &'a Path, old: &[CommitId], new: &[CommitId]) -> Result<Self, StoreError> {
        let new = checked(new)?;
        let packed = Lock::take(&repository.join(PACKED))?;
        let refs = Refs::read(repository)?;
        let (found, expected) = (refs.heads(), in_order(old));
        if found != expected {
            return Err(StoreError::HeadsMoved { expected, found });
        }
        Ok(Self { repository, packed, refs, new })
    }

    /// The heads after it, in order.
    pub(crate) fn target(&self) -> &[CommitId] {
        &self.new
    }

    /// Moves.
    pub(crate) fn finish(self, durability: Durability) -> Result<(), StoreError> {
        let Self { repository, packed, mut refs, new } = self;
        // Stock git takes this lock too before it writes a ref of its own.
        let loose = refs.loose.iter().map(|name| Lock::take(&repository.join(name))).collect::<Result<Vec<_>, _>>()?;
        refs.packed.retain(|name, _| name != MAIN && !name.starts_with(SIDE));
        for (index, head) in new.iter().enumerate() {
            refs.packed.insert(name_of(index, head), format!("{head} {}\n", name_of(index, head)));
        }
        // Refs in files of their own win over packed ones, so they may only go once those are durable.
        let durability = if loose.is_empty() { durability } else { Durability::Now };
        packed.replace(&refs.encode(), durability)?;
        for lock in loose {
            lock.remove_target()?;
        }
        Ok(())
    }
}

/// The heads in order, if they are a set of heads.
fn checked(heads: &[CommitId]) -> Result<Vec<CommitId>, StoreError> {
    let heads = in_order(heads);
    let twice = heads.windows(2).any(|pair| pair[0] == pair[1]) || heads.iter().skip(1).any(|head| *head == heads[0]);
    if heads.is_empty() || heads.len() > MAX_HEADS || twice {
        return Err(StoreError::HeadCount(heads.len()));
    }
    Ok(heads)
}

/// The lock files that a dead process may have left behind.
pub(crate) fn locks(repository: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut locks = vec![lock_of(&repository.join(PACKED)), lock_of(&repository.join(MAIN))];
    let side = repository.join(SIDE);
    if side.is_dir() {
        locks.extend(layout::list(&side)?.into_iter().filter(|file| file.extension().is_some_and(|end| end == "lock")));
    }
    Ok(locks)
}

/// The first stays where it is, the others have no order of their own.
fn in_order(heads: &[CommitId]) -> Vec<CommitId> {
    let mut heads = heads.to_vec();
    if let Some((_, side)) = heads.split_first_mut() {
        side.sort();
    }
    heads
}

/// What the refs' files say.
struct Refs {
    /// Whether the packed refs of others can be written back with the promise that tags are peeled.
    peeled: bool,
    /// The lines of `packed-refs` by name, each with the line of its peeled tag, if any.
    packed: BTreeMap<String, String>,
    /// Our refs that stand in files of their own.
    loose: Vec<String>,
    /// Our refs.
    ours: BTreeMap<String, CommitId>,
}

impl Refs {
    fn empty() -> Self {
        Self { peeled: true, packed: BTreeMap::new(), loose: Vec::new(), ours: BTreeMap::new() }
    }

    fn read(repository: &Path) -> Result<Self, StoreError> {
        let mut refs = Self::empty();
        // Before the packed ones: a ref that is being folded in is seen here or there, or in both.
        let mut loose = BTreeMap::new();
        let mut names = vec![MAIN.to_owned()];
        let side = repository.join(SIDE);
        if side.is_dir() {
            let files =
                layout::list(&side)?.into_iter().filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()));
            names.extend(files.filter(|name| !name.ends_with(".lock")).map(|name| format!("{SIDE}{name}")));
        }
        for name in names {
            let path = repository.join(&name);
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let id = text.trim_end_matches('\n').parse();
                    loose.insert(name, id.map_err(|error| malformed(&path, error))?);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("read", &path)(error)),
            }
        }
        refs.read_packed(&repository.join(PACKED))?;
        refs.loose = loose.keys().cloned().collect();
        refs.ours.extend(loose);
        Ok(refs)
    }

    fn read_packed(&mut self, path: &Path) -> Result<(), StoreError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        self.peeled = text.starts_with("# pack-refs with:")
            && text.lines().next().is_some_and(|traits| traits.contains(" fully-peeled "));
        let mut last: Option<String> = None;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with('^') {
                let tag = last.as_ref().and_then(|name| self.packed.get_mut(name));
                *tag.ok_or_else(|| malformed(path, "a peeled tag without its tag"))? += &format!("{line}\n");
                continue;
            }
            let (id, name) = line.split_once(' ').ok_or_else(|| malformed(path, "a line without a name"))?;
            if name == MAIN || name.starts_with(SIDE) {
                let id = id.parse().map_err(|error| malformed(path, error))?;
                self.ours.insert(name.to_owned(), id);
            }
            self.packed.insert(name.to_owned(), format!("{line}\n"));
            last = Some(name.to_owned());
        }
        Ok(())
    }

    fn heads(&self) -> Vec<CommitId> {
        let mut side: Vec<CommitId> = self.ours.iter().filter(|(name, _)| *name != MAIN).map(|(_, id)| *id).collect();
        side.sort();
        let main = self.ours.get(MAIN).copied();
        main.into_iter().chain(side.into_iter().filter(|id| Some(*id) != main)).collect()
    }

    fn encode(&self) -> String {
        let header = if self.peeled { PEELED_AND_SORTED } else { SORTED };
        std::iter::once(header).chain(self.packed.values().map(String::as_str)).collect()
    }
}

fn malformed(path: &Path, why: impl ToString) -> StoreError {
    StoreError::MalformedRefs { path: path.to_owned(), why: why.to_string() }
}

fn lock_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Git's lock on a file: another file beside it, which may take its place.
struct Lock {
    target: PathBuf,
    /// None once the lock file has become the target.
    file: Option<PathBuf>,
}

impl Lock {
    /// Waits a little when somebody else has it.
    fn take(target: &Path) -> Result<Self, StoreError> {
        let file = lock_of(target);
        let end = Instant::now() + LOCK_PATIENCE;
        loop {
            match fs::File::create_new(&file) {
                Ok(_) => {
                    return Ok(Self { target: target.to_owned(), file: Some(file) });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && Instant::now() < end => {
                    std::thread::sleep(LOCK_POLL);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(StoreError::RefsLocked(file)),
                Err(error) => return Err(StoreError::io("lock", target)(error)),
            }
        }
    }

    /// Gives the target new contents and lets go of it.
    fn replace(mut self, text: &str, durability: Durability) -> Result<(), StoreError> {
        let Some(file) = &self.file else { return Ok(()) };
        let write = || -> io::Result<()> {
            let mut out = fs::File::options().write(true).open(file)?;
            io::Write::write_all(&mut out, text.as_bytes())?;
            if durability == Durability::Now { durable::sync(&out) } else { Ok(()) }
        };
        write().map_err(StoreError::io("write", file))?;
        durable::rename(file, &self.target)?;
        self.file = None;
        if durability == Durability::Now { self.sync() } else { Ok(()) }
    }

    /// Removes the target, durably, and lets go of it.
    fn remove_target(self) -> Result<(), StoreError> {
        layout::remove_if_there(&self.target)?;
        self.sync()
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.target.parent().map_or(Ok(()), durable::sync_folder)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // A lock that cannot be removed is swept away when the repository is opened next.
            let _ = fs::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> CommitId {
        CommitId::from_bytes([byte; 20])
    }

    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("refs/heads")).unwrap();
        folder
    }

    #[test]
    fn heads_move_together_and_only_from_where_they_are() {
        let folder = repository();
        assert_eq!(read(folder.path()).unwrap(), []);
        compare_and_set(folder.path(), &[], &[id(9), id(3), id(1)]).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [id(9), id(1), id(3)]);

        let refused = compare_and_set(folder.path(), &[id(9)], &[id(4)]).unwrap_err();
        assert!(matches!(refused, StoreError::HeadsMoved { found, .. } if found == [id(9), id(1), id(3)]));
        compare_and_set(folder.path(), &[id(9), id(3), id(1)], &[id(4)]).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [id(4)]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "a lock was left behind");
    }

    #[test]
    fn no_heads_and_the_same_head_twice_are_refused() {
        let folder = repository();
        for wrong in [vec![], vec![id(1), id(1)], vec![id(1), id(2), id(2)], (0..=255).chain([0]).map(id).collect()] {
            assert!(matches!(compare_and_set(folder.path(), &[], &wrong), Err(StoreError::HeadCount(_))));
        }
        assert!(!folder.path().join(PACKED).exists());
    }

    #[test]
    fn what_stock_git_wrote_is_honoured_and_kept() {
        let folder = repository();
        let tag = format!("{} refs/tags/v1\n^{}\n", id(5), id(6));
        fs::write(folder.path().join(PACKED), format!("{PEELED_AND_SORTED}{} {MAIN}\n{tag}", id(1))).unwrap();
        fs::write(folder.path().join(MAIN), format!("{}\n", id(2))).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [id(2)]);

        compare_and_set(folder.path(), &[id(2)], &[id(3)]).unwrap();
        assert_eq!(read(folder.path()).unwrap(), [id(3)]);
        assert!(!folder.path().join(MAIN).exists());
        let packed = fs::read_to_string(folder.path().join(PACKED)).unwrap();
        assert_eq!(packed, format!("{PEELED_AND_SORTED}{} {MAIN}\n{tag}", id(3)));
    }

    #[test]
    fn nonsense_in_the_files_is_an_error() {
        for (file, text) in [
            (PACKED, "nonsense"),
            (PACKED, "xyz refs/heads/main"),
            (PACKED, "^1234"),
            (MAIN, "ref: refs/heads/x\n"),
            (MAIN, ""),
        ] {
            let folder = repository();
            fs::write(folder.path().join(file), text).unwrap();
            assert!(matches!(read(folder.path()), Err(StoreError::MalformedRefs { .. })), "{text:?}");
        }
    }
}
