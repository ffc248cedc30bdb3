//! Where a repository's objects lie, and how a reader knows that what it did not find is not there.
//!
//! Objects move while others read: files of single objects become packs, packs become larger packs
//! ([consolidation](crate::consolidate)). An object is always somewhere, but whoever looks into one place after the other
//! can miss it in both. So every move leaves a stamp: after a new pack is in its place, and before the first file goes whose
//! objects it has. A reader believes that something is missing only if the stamp it saw *before* it listed the packs is
//! still there *after* it looked into every place. Else it looks again.
//!
//! Why one stamp is enough: say that a look begins at the stamp `s`, misses an object and ends at `s`. Every removal that
//! began before the end of the look had left its stamp before, and so before the look began, else `s` would have changed;
//! and the pack that replaces what is removed was in its place before that stamp. So the look listed it.
//!
//! The stamp is a file of random bytes, so that it works between processes, and so that two who write at once cannot undo
//! each other's. Stock git leaves none when it adds a pack; the time at which the folder changed makes up for it.
//!
//! A pack that a reader has opened stays readable for it, whoever removes its files.

use crate::error::StoreError;
use crate::objects::chain;
use gix::odb::{alternate, loose};
use gix_pack::Bundle;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The file of the stamp, in the repository's folder.
const STAMP: &str = "parv.moved";

/// The length of a stamp, in bytes: none ever comes twice.
const STAMP_BYTES: usize = 16;

/// The places where a repository's objects lie.
pub(crate) struct Places {
    /// The repository's own folder of objects, then those that it borrows from: only somebody else's does.
    folders: Vec<PathBuf>,
    loose: Vec<loose::Store>,
    /// None in somebody else's repository.
    stamp: Option<File>,
    newest: Mutex<Newest>,
}

struct Newest {
    view: Arc<View>,
    /// The next pack's number.
    next: u32,
}

/// The packs as they were at one moment.
pub(crate) struct View {
    moment: Moment,
    /// The largest first. Each has a number of its own, for caches.
    packs: Vec<Arc<Bundle>>,
}

/// What changes whenever packs come or go.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moment {
    stamp: [u8; STAMP_BYTES],
    changed: Vec<Option<SystemTime>>,
}

impl Places {
    /// The places of a repository of our own, whose packs may be moved.
    pub fn own(repository: &Path, objects: PathBuf) -> Result<Self, StoreError> {
        let path = repository.join(STAMP);
        let stamp = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        Self::at(vec![objects], Some(stamp.map_err(StoreError::io("open", &path))?))
    }

    /// The places of somebody else's repository, for reading.
    pub fn foreign(repository: &Path, objects: PathBuf) -> Result<Self, StoreError> {
        let borrowed = alternate::resolve(objects.clone(), repository)
            .map_err(|error| StoreError::malformed(objects.display(), chain(&error)))?;
        let folders = std::iter::once(objects).chain(borrowed).collect();
        Self::at(folders, File::open(repository.join(STAMP)).ok())
    }

    fn at(folders: Vec<PathBuf>, stamp: Option<File>) -> Result<Self, StoreError> {
        let loose = folders.iter().map(|folder| loose::Store::at(folder.clone(), gix::hash::Kind::Sha1)).collect();
        let nothing = View { moment: Moment { stamp: [0; STAMP_BYTES], changed: Vec::new() }, packs: Vec::new() };
        let newest = Mutex::new(Newest { view: Arc::new(nothing), next: 0 });
        let this = Self { folders, loose, stamp, newest };
        this.refresh(&mut this.newest(), this.moment()?)?;
        Ok(this)
    }

    /// Where single objects lie.
    pub fn loose(&self) -> &[loose::Store] {
        &self.loose
    }

    /// The folder of the repository's own objects.
    pub fn objects(&self) -> PathBuf {
        self.folders[0].clone()
    }

    /// The folder of the repository's own packs.
    pub fn packs(&self) -> PathBuf {
        pack_folder(&self.folders[0])
    }

    /// Leaves a stamp: a pack has come into its place, and perhaps what it replaces is about to go.
    pub fn moved(&self) -> Result<(), StoreError> {
        let folder = &self.folders[0];
        let Some(file) = &self.stamp else { return Ok(()) };
        let mut stamp = [0; STAMP_BYTES];
        getrandom::fill(&mut stamp).map_err(|error| StoreError::io("stamp", folder)(error.into()))?;
        file.write_all_at(&stamp, 0).map_err(StoreError::io("stamp", folder))
    }

    /// The packs as they were when somebody looked last.
    pub fn view(&self) -> Arc<View> {
        self.newest().view.clone()
    }

    /// The packs as they are now, if anything has moved since that view. If not, what it does not show and what has no
    /// file of its own is not there.
    pub fn since(&self, view: &View) -> Result<Option<Arc<View>>, StoreError> {
        let now = self.moment()?;
        if now == view.moment {
            return Ok(None);
        }
        let mut newest = self.newest();
        if newest.view.moment != now {
            // Taken again, under the lock: it must be from before the folder is listed, and nobody else's older one.
            let now = self.moment()?;
            self.refresh(&mut newest, now)?;
        }
        Ok(Some(newest.view.clone()))
    }

    fn refresh(&self, newest: &mut Newest, moment: Moment) -> Result<(), StoreError> {
        let mut known: HashMap<&Path, &Arc<Bundle>> =
            newest.view.packs.iter().map(|pack| (pack.index.path(), pack)).collect();
        let mut next = newest.next;
        let mut packs = Vec::new();
        for folder in self.folders.iter().map(|folder| pack_folder(folder)) {
            for index in indices(&folder)? {
                if let Some(pack) = known.remove(index.as_path()) {
                    packs.push(pack.clone());
                } else if let Ok(mut pack) = Bundle::at(&index, gix::hash::Kind::Sha1) {
                    // One that cannot be opened is gone by now, or damaged. Stock git does without it too.
                    pack.pack.id = next;
                    next = next.wrapping_add(1);
                    packs.push(Arc::new(pack));
                }
            }
        }
        packs.sort_by_key(|pack| std::cmp::Reverse(pack.index.num_objects()));
        *newest = Newest { view: Arc::new(View { moment, packs }), next };
        Ok(())
    }

    fn moment(&self) -> Result<Moment, StoreError> {
        let mut stamp = [0; STAMP_BYTES];
        if let Some(file) = &self.stamp {
            // An empty file says as much as one of zeros: nothing has moved yet.
            file.read_at(&mut stamp, 0).map_err(StoreError::io("read the stamp of", &self.folders[0]))?;
        }
        let changed = |folder: &PathBuf| fs::metadata(pack_folder(folder)).and_then(|folder| folder.modified()).ok();
        Ok(Moment { stamp, changed: self.folders.iter().map(changed).collect() })
    }

    /// Whoever panicked while it held the view left a whole one.
    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    /// The packs, the largest first.
    pub fn packs(&self) -> &[Arc<Bundle>] {
        &self.packs
    }
}

fn pack_folder(objects: &Path) -> PathBuf {
    objects.join("pack")
}

/// The indices of the packs in a folder, which need not be there.
fn indices(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("list", folder)(error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let paths = paths.collect::<Result<Vec<_>, _>>().map_err(StoreError::io("list", folder))?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "idx")).collect())
}
