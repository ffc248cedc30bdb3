//! Making things on the disk stay: gix never asks the disk to keep what it wrote, so whoever writes in this crate does it
//! through here.
//!
//! A file is durable when its bytes *and* its name in the folder are: fsync of the file, rename, fsync of the folder.

use crate::error::StoreError;
#[cfg(test)]
use crate::forgetful;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// What makes a write durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The disk is asked to keep it before the call returns.
    Now,
    /// The [journal](crate::journal) holds it already.
    Journal,
}

/// Asks the disk to keep the names in a folder.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| sync(&folder)).map_err(StoreError::io("make durable the folder", folder))
}

/// Asks the disk to keep the bytes of a file that somebody else wrote.
pub(crate) fn sync_file(file: &Path) -> Result<(), StoreError> {
    File::open(file).and_then(|file| sync(&file)).map_err(StoreError::io("make durable", file))
}

/// Asks the disk to keep the bytes of a file.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    sync_with(file, File::sync_all)
}

/// The same for a file that stays where it is: when it was changed need not be kept.
pub(crate) fn sync_data(file: &File) -> io::Result<()> {
    sync_with(file, File::sync_data)
}

/// Asks the disk to keep all that was done so far on the file system on which the file lies.
pub(crate) fn sync_file_system(file: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(file)?;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        rustix::fs::sync();
    }
    #[cfg(test)]
    forgetful::kept_all();
    Ok(())
}

/// In tests a disk looks on that keeps only what it was asked to keep.
fn sync_with(file: &File, sync: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    #[cfg(test)]
    forgetful::power_cut(file);
    sync(file)?;
    #[cfg(test)]
    forgetful::kept(file);
    Ok(())
}

/// Writes a new file durably; its name is durable only when the folder was synced too.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut file = File::create_new(path).map_err(StoreError::io("create", path))?;
    file.write_all(bytes).and_then(|()| sync(&file)).map_err(StoreError::io("write", path))
}

/// Renames within one file system. Durable when the target's folder was synced.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::io("move into place", to))
}
