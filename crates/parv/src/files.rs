//! Small private files: written in one step, read with a limit.
//!
//! Everything of an account is for its owner only: folders 0700, files 0600. A file has its old contents or the new
//! ones, also after a power cut.

use crate::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// The largest file of ours that is read, in bytes: far above what any of them holds.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The error for a file or folder with which `action` failed.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { action, path, source }
}

/// Makes a folder for its owner only, with those it lies in. One that is there already is left as it is.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("make the folder", path))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("write", path))
}

/// Puts a value down as JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    write(path, |draft| {
        serde_json::to_writer_pretty(&mut *draft, value)?;
        draft.write_all(b"\n")
    })
}

/// Puts bytes down.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write(path, |draft| draft.write_all(bytes))
}

fn write(path: &Path, contents: impl FnOnce(&mut NamedTempFile) -> io::Result<()>) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let put = || -> io::Result<()> {
        let mut draft = tempfile::Builder::new().prefix(".draft-").tempfile_in(folder)?; // 0600 from the start
        contents(&mut draft)?;
        draft.as_file().sync_all()?;
        draft.persist(path)?;
        Ok(())
    };
    put().map_err(failed("write", path))?;
    sync_folder(folder)
}

/// Reads a JSON file; `None` when there is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    read_json_up_to(MAX_FILE_BYTES, path)
}

/// The same for a file of at most so many bytes.
pub(crate) fn read_json_up_to<T: DeserializeOwned>(limit: u64, path: &Path) -> Result<Option<T>, Error> {
    let Some(contents) = read_bytes_up_to(limit, path)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| Error::Damaged { path: path.to_owned(), why: error.to_string() };
    serde_json::from_slice(&contents).map(Some).map_err(damaged)
}

/// Reads a file of at most so many bytes; `None` when there is none.
pub(crate) fn read_bytes_up_to(limit: u64, path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let mut contents = Vec::new();
    match File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut contents)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
        Ok(_) => {}
    }
    match contents.len() as u64 > limit {
        true => Err(Error::Damaged { path: path.to_owned(), why: format!("it has more than {limit} bytes") }),
        false => Ok(Some(contents)),
    }
}

/// Reads every JSON file of a folder whose name without `.json` is a `Name`. What does not hold up is left out, with a
/// warning: one damaged file takes nothing else with it (acceptance 31).
pub(crate) fn read_all<Name: std::str::FromStr, T: DeserializeOwned>(folder: &Path) -> Result<Vec<(Name, T)>, Error> {
    let mut all = Vec::new();
    for name in names(folder)? {
        let Some(key) = name.strip_suffix(".json").and_then(|stem| stem.parse().ok()) else { continue };
        match read_json(&folder.join(&name)) {
            Ok(Some(value)) => all.push((key, value)),
            Ok(None) => {}
            Err(error) => tracing::warn!("{error}; it is left out"),
        }
    }
    Ok(all)
}

/// The names in a folder; none when it is not there.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("read", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed("read", folder))?;
        names.extend(entry.file_name().into_string()); // every name of ours is ASCII
    }
    names.sort();
    Ok(names)
}

/// Removes a file, durably. One that is not there is gone already.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        removed => removed.map_err(failed("remove", path))?,
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes a folder with everything in it. One that is not there is gone already.
pub(crate) fn remove_folder(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(failed("remove", path)),
    }
}
