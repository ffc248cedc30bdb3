//! The folder of a repository: what is made at the start, what is swept away at the next one, who uses it.
//!
//! ```text
//! HEAD  config  objects/  refs/heads/  packed-refs     a bare repository as stock git knows it
//! parv-index/                                          what is known of the commits, derived (`index`)
//! parv.journal                                         what may not have reached its place yet
//! parv.lock                                            locked (shared) by everybody who has it open
//! parv.moved                                           a stamp that changes when packs come or go
//! quarantine/<random>/                                 what was fetched and not judged yet
//! ```

use crate::durable;
use crate::error::StoreError;
use crate::refs;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::path::{Path, PathBuf};

const HEAD: &str = "ref: refs/heads/main\n";
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[gc]\n\tauto = 0\n";
const LOCK: &str = "parv.lock";
const QUARANTINE: &str = "quarantine";

/// Git's name for a file of objects that is not finished, so that stock `git gc` sweeps it away too.
pub(crate) const TEMPORARY_OBJECT: &str = "tmp_obj_";

/// The folder with the objects.
pub(crate) fn objects(repository: &Path) -> PathBuf {
    repository.join("objects")
}

/// The folder for quarantines, made when it is missing.
pub(crate) fn quarantine(repository: &Path) -> Result<PathBuf, StoreError> {
    let folder = repository.join(QUARANTINE);
    make_folders(&folder)?;
    Ok(folder)
}

/// Makes an empty repository, durably and in one step: it is built beside its place and moved there.
pub(crate) fn create(path: &Path) -> Result<(), StoreError> {
    if path.exists() {
        return Err(StoreError::AlreadyExists(path.to_owned()));
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folders(parent)?;
    let place = tempfile::Builder::new()
        .prefix(".new-repository-")
        .tempdir_in(parent)
        .map_err(StoreError::io("make a folder in", parent))?;
    let new = place.path().join("repository");
    for folder in ["objects/info", "objects/pack", "refs/heads"] {
        make_folders(&new.join(folder))?;
    }
    durable::write_new(&new.join("HEAD"), HEAD.as_bytes())?;
    durable::write_new(&new.join("config"), CONFIG.as_bytes())?;
    for folder in ["objects", "refs", "."] {
        durable::sync_folder(&new.join(folder))?;
    }
    durable::rename(&new, path)?;
    durable::sync_folder(parent)
}

/// Says that the repository is in use, for as long as the returned file is kept. Whoever comes first sweeps away what a
/// crash left behind, and then does `alone` what needs nobody else to be there.
pub(crate) fn enter(path: &Path, alone: impl FnOnce() -> Result<(), StoreError>) -> Result<File, StoreError> {
    if !path.join("HEAD").is_file() || !objects(path).is_dir() || !path.join("refs").is_dir() {
        return Err(StoreError::NotARepository(path.to_owned()));
    }
    let lock = path.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock)
        .map_err(StoreError::io("open", &lock))?;
    if file.try_lock().is_ok() {
        sweep(path)?;
        alone()?;
        file.unlock().map_err(StoreError::io("unlock", &lock))?;
    }
    file.lock_shared().map_err(StoreError::io("lock", &lock))?;
    Ok(file)
}

/// Removes quarantines, locks and unfinished objects whose makers are dead.
fn sweep(path: &Path) -> Result<(), StoreError> {
    let quarantine = path.join(QUARANTINE);
    if quarantine.is_dir() {
        fs::remove_dir_all(&quarantine).map_err(StoreError::io("remove", &quarantine))?;
    }
    for lock in refs::locks(path)? {
        remove_if_there(&lock)?;
    }
    let objects = objects(path);
    for folder in list(&objects)? {
        if folder.is_dir() {
            for file in list(&folder)? {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                // A pack is found by its index, so one without is not finished, or about to go.
                let unfound = file.extension().is_some_and(|end| end == "pack") && !file.with_extension("idx").exists();
                if name.starts_with(TEMPORARY_OBJECT) || unfound {
                    remove_if_there(&file)?;
                }
            }
        }
    }
    Ok(())
}

/// Removes a file; it is no error when it is not there.
pub(crate) fn remove_if_there(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io("remove", file)(error)),
        _ => Ok(()),
    }
}

/// What is in a folder, in no order.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = fs::read_dir(folder).map_err(StoreError::io("list", folder))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(StoreError::io("list", folder))).collect()
}

/// Makes a folder and those above it, for the owner's eyes only.
pub(crate) fn make_folders(folder: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder).map_err(StoreError::io("make the folder", folder))
}
