//! Making things on the disk stay: gix never asks the disk to keep what it wrote, so whoever writes in this crate does it
//! through here.
//!
//! A file is durable when its bytes *and* its name in the folder are: fsync of the file, rename, fsync of the folder.

use crate::error::StoreError;
use std::fs::{self, File};
use std::io::Write;
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
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io("make durable the folder", folder))
}

/// Asks the disk to keep the bytes of a file that somebody else wrote.
pub(crate) fn sync_file(file: &Path) -> Result<(), StoreError> {
    File::open(file).and_then(|file| file.sync_all()).map_err(StoreError::io("make durable", file))
}

/// Writes a new file durably; its name is durable only when the folder was synced too.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut file = File::create_new(path).map_err(StoreError::io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(StoreError::io("write", path))
}

/// Renames within one file system. Durable when the target's folder was synced.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::io("move into place", to))
}
