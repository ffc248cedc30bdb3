//! Writing objects durably, each as a file of its own: what one message needs.
//!
//! Many at once are better off [in a pack](crate::burst).

use crate::database::Database;
use crate::durable::{self, Durability};
use crate::error::StoreError;
use crate::layout::{self, TEMPORARY_OBJECT};
use crate::objects::Objects;
use gix::ObjectId;
use gix::objs::Kind;
use gix::zlib::Compression;
use gix::zlib::stream::deflate;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// An object to be written.
pub(crate) struct NewObject<'a> {
    pub id: ObjectId,
    pub kind: Kind,
    pub bytes: &'a [u8],
}

/// Writes objects into the folder of a database. When it returns they are durable; an error may leave some of them
/// behind, without meaning.
///
/// An object that is there with the same bytes is not written again. One that is there and damaged is replaced.
pub(crate) fn write(folder: &Path, present: &Database, objects: &[NewObject]) -> Result<(), StoreError> {
    write_with(folder, present, objects, Durability::Now)
}

/// The same, with a choice of what makes it durable.
pub(crate) fn write_with(
    folder: &Path,
    present: &Database,
    objects: &[NewObject],
    durability: Durability,
) -> Result<(), StoreError> {
    let mut staged: Vec<(NamedTempFile, PathBuf)> = Vec::new();
    let mut touched = BTreeSet::new();
    for object in objects {
        let name = object.id.to_string();
        let fan_out = folder.join(&name[..2]);
        let path = fan_out.join(&name[2..]);
        let there = path.exists();
        let stored = is_stored(present, object, there);
        if !stored || there {
            // Who made the folder may not have waited until the disk had its name.
            touched.extend([folder.to_owned(), fan_out.clone()]);
        }
        if !stored {
            staged.push((stage(&fan_out, object)?, path));
        }
    }
    if durability == Durability::Now {
        for (file, path) in &staged {
            durable::sync(file.as_file()).map_err(StoreError::io("make durable", path))?;
        }
    }
    for (file, path) in staged {
        file.persist(&path).map_err(|error| StoreError::io("move into place", &path)(error.error))?;
    }
    match durability {
        // A folder that is gone was emptied by a consolidation, which has made durable what was in it.
        Durability::Now => {
            touched.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| durable::sync_folder(folder))
        }
        Durability::Journal => Ok(()),
    }
}

/// Whether it is there already, and whole: in its file if it has one, which others would read too, else in a pack.
fn is_stored(present: &Database, object: &NewObject, has_file: bool) -> bool {
    let mut buffer = Vec::new();
    let found =
        if has_file { present.read_file(&object.id, &mut buffer) } else { present.read(&object.id, &mut buffer) };
    matches!(found, Ok(Some((kind, bytes))) if kind == object.kind && bytes == object.bytes)
}

fn stage(folder: &Path, object: &NewObject) -> Result<NamedTempFile, StoreError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_OBJECT);
    let mut made = builder.tempfile_in(folder);
    // The folder is made with its first file, and goes with its last one, perhaps at this moment.
    while matches!(&made, Err(error) if error.kind() == ErrorKind::NotFound) {
        layout::make_folders(folder)?;
        made = builder.tempfile_in(folder);
    }
    let write = || {
        let file = made?;
        let mut deflate = deflate::Write::new(file, Compression::BEST_SPEED);
        deflate.write_all(&gix::objs::encode::loose_header(object.kind, object.bytes.len() as u64))?;
        deflate.write_all(object.bytes)?;
        deflate.flush()?;
        Ok(deflate.into_inner())
    };
    write().map_err(StoreError::io("write an object into", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Places;
    use std::fs;
    use std::sync::Arc;

    fn database(folder: &Path) -> Database {
        Database::new(&Arc::new(Places::foreign(folder, folder.to_owned()).unwrap()))
    }

    #[test]
    fn a_damaged_object_is_replaced_and_a_whole_one_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let object = || NewObject {
            id: ObjectId::from_hex(b"b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0").unwrap(),
            kind: Kind::Blob,
            bytes: b"hello",
        };
        write(folder.path(), &database(folder.path()), &[object()]).unwrap();
        let path = folder.path().join("b6/fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
        let whole = fs::read(&path).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();

        write(folder.path(), &database(folder.path()), &[object()]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);

        for damage in [&whole[..3], b"", b"nonsense"] {
            fs::write(&path, damage).unwrap();
            write(folder.path(), &database(folder.path()), &[object()]).unwrap();
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
        assert_eq!(fs::read_dir(folder.path().join("b6")).unwrap().count(), 1, "a temporary file was left behind");
    }
}
