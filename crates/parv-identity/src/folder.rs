//! An identity as files.
//!
//! | file | what |
//! |---|---|
//! | `device.key` | the device's secret key, PKCS#8 in PEM, not encrypted: a device works unattended |
//! | `account.crt`, `device.crt` | the certificates |
//! | `account.crl` | the account's latest revocation list, if there is one |
//! | `account.archive` | the account key, [sealed](crate::archive), if this device keeps it |
//!
//! The folder is for its owner only (0700, files 0600) and appears as a whole or not at all; a file is replaced in one
//! step, and what was written survives a power cut. Two processes on one folder are kept apart by the account's lock, which
//! is not here.

use crate::archive::ARCHIVE_BYTES;
use crate::certificate::{AccountCertificate, DeviceCertificate};
use crate::crl::Crl;
use crate::identity::same;
use crate::key::DeviceKey;
use crate::{Identity, IdentityError};
use parv_model::limits::{MAX_CERTIFICATE_BYTES, MAX_CRL_BYTES};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// One of the files.
struct Entry {
    name: &'static str,
    what: &'static str,
    /// The most it may hold, in bytes.
    limit: usize,
    /// Whether it is refused when others may read it.
    secret: bool,
}

impl Entry {
    fn check_size(&self, bytes: usize) -> Result<(), IdentityError> {
        if bytes > self.limit {
            return Err(IdentityError::TooLarge { what: self.what, bytes, limit: self.limit });
        }
        Ok(())
    }
}

/// Ours has 119 bytes.
const DEVICE_KEY: Entry = Entry { name: "device.key", what: "device key", limit: 4 * 1024, secret: true };
const ACCOUNT_CERTIFICATE: Entry =
    Entry { name: "account.crt", what: "account certificate", limit: MAX_CERTIFICATE_BYTES, secret: false };
const DEVICE_CERTIFICATE: Entry =
    Entry { name: "device.crt", what: "device certificate", limit: MAX_CERTIFICATE_BYTES, secret: false };
const CRL: Entry = Entry { name: "account.crl", what: "revocation list", limit: MAX_CRL_BYTES, secret: false };
const ARCHIVE: Entry = Entry { name: "account.archive", what: "account archive", limit: ARCHIVE_BYTES, secret: true };

/// What [`IdentityFolder::create`] puts down.
#[derive(Debug, Clone, Copy)]
pub struct NewIdentity<'a> {
    /// The device and its papers.
    pub identity: &'a Identity,
    /// The [sealed](crate::archive::seal) account key, if this device is to keep it.
    pub archive: Option<&'a [u8]>,
}

/// A folder that holds an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFolder {
    path: PathBuf,
}

impl IdentityFolder {
    /// Makes the folder, with the folders it lies in where they are missing.
    ///
    /// # Errors
    /// [`AlreadyThere`](IdentityError::AlreadyThere) if anything but an empty folder is at this path.
    pub fn create(path: &Path, new: &NewIdentity<'_>) -> Result<Self, IdentityError> {
        new.identity.check()?;
        let parent = parent_of(path);
        make_private_folders(parent).map_err(io_error("make the folder", parent))?;
        let draft = draft_folder(parent).map_err(io_error("make a folder in", parent))?;
        let folder = Self { path: draft.path().to_owned() };
        let secret = new.identity.device_key.to_pkcs8_pem();
        let secret = secret.map_err(|error| IdentityError::Malformed { what: "device key", why: error.to_string() })?;
        folder.write(&DEVICE_KEY, secret.as_bytes())?;
        folder.write_papers(new.identity)?;
        if let Some(archive) = new.archive {
            folder.write(&ARCHIVE, archive)?;
        }
        fs::rename(draft.path(), path).map_err(|source| match source.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                IdentityError::AlreadyThere(path.to_owned())
            }
            _ => io_error("make the folder", path)(source),
        })?;
        let _ = draft.keep(); // it has another name now, nothing is left to clear away
        sync_folder(parent).map_err(io_error("write", parent))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Opens the folder and reads the identity in it.
    ///
    /// # Errors
    /// [`Exposed`](IdentityError::Exposed) if others may read the key; whatever is missing, malformed or belongs to another
    /// account or device.
    pub fn open(path: &Path) -> Result<(Self, Identity), IdentityError> {
        let folder = Self { path: path.to_owned() };
        let crl = folder.read_if_there(&CRL)?;
        let identity = Identity::assemble(
            folder.device_key()?,
            AccountCertificate::from_pem(&folder.read(&ACCOUNT_CERTIFICATE)?)?,
            DeviceCertificate::from_pem(&folder.read(&DEVICE_CERTIFICATE)?)?,
            crl.map(|pem| Crl::from_pem(&pem)).transpose()?,
        )?;
        Ok((folder, identity))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the certificates and the revocation list anew, after a renewal or revocation. The key stays as it is.
    ///
    /// # Errors
    /// [`Mismatch`](IdentityError::Mismatch) if it is not the identity of this folder.
    pub fn update(&self, identity: &Identity) -> Result<(), IdentityError> {
        identity.check()?;
        same("device key", self.device_key()?.device_id(), identity.device_id())?;
        self.write_papers(identity)
    }

    /// The sealed account key, if this device keeps it.
    pub fn archive(&self) -> Result<Option<Vec<u8>>, IdentityError> {
        let archive = self.read_if_there(&ARCHIVE)?;
        Ok(archive.map(|bytes| bytes.to_vec()))
    }

    /// Puts another archive in place, as after a change of the password.
    pub fn replace_archive(&self, archive: &[u8]) -> Result<(), IdentityError> {
        self.write(&ARCHIVE, archive)
    }

    fn device_key(&self) -> Result<DeviceKey, IdentityError> {
        let pem = self.read(&DEVICE_KEY)?;
        let malformed = |why: String| IdentityError::Malformed { what: "device key", why };
        let text = std::str::from_utf8(&pem).map_err(|error| malformed(error.to_string()))?;
        DeviceKey::from_pkcs8_pem(text).map_err(|error| malformed(error.to_string()))
    }

    fn write_papers(&self, identity: &Identity) -> Result<(), IdentityError> {
        self.write(&ACCOUNT_CERTIFICATE, identity.account_certificate.pem())?;
        self.write(&DEVICE_CERTIFICATE, identity.device_certificate.pem())?;
        identity.crl.as_ref().map_or(Ok(()), |crl| self.write(&CRL, crl.pem()))
    }

    /// Puts a file down in one step: it has its old contents or the new ones, also after a power cut.
    fn write(&self, entry: &Entry, contents: &[u8]) -> Result<(), IdentityError> {
        entry.check_size(contents.len())?;
        let path = self.path.join(entry.name);
        let put = || -> io::Result<()> {
            let mut draft = tempfile::Builder::new().prefix(".draft-").tempfile_in(&self.path)?; // 0600 from the start
            draft.write_all(contents)?;
            draft.as_file().sync_all()?;
            draft.persist(&path)?;
            sync_folder(&self.path)
        };
        put().map_err(io_error("write", &path))
    }

    fn read_if_there(&self, entry: &Entry) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
        match self.read(entry) {
            Err(IdentityError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Reads a file; a secret one only if nobody else may.
    fn read(&self, entry: &Entry) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        let path = self.path.join(entry.name);
        let failed = io_error("read", &path);
        let metadata = fs::metadata(&path).map_err(&failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "not a file"))); // a pipe would never end
        }
        if entry.secret
            && let Some(mode) = mode_open_to_others(&metadata)
        {
            return Err(IdentityError::Exposed { path: path.clone(), mode });
        }
        let mut contents = Zeroizing::new(Vec::with_capacity(entry.limit + 1)); // growing would leave copies of a key behind
        File::open(&path)
            .and_then(|file| file.take(entry.limit as u64 + 1).read_to_end(&mut contents))
            .map_err(&failed)?;
        entry.check_size(contents.len())?;
        Ok(contents)
    }
}

fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> IdentityError {
    move |source| IdentityError::Io { action, path: path.to_owned(), source }
}

/// Makes a folder and those it lies in where they are missing, for their owner only, and durably.
fn make_private_folders(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_private_folders(parent_of(path))?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(parent_of(path)),
    }
}

/// The folder in which a path lies.
fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A folder under a name of its own, cleared away if it does not get another.
fn draft_folder(parent: &Path) -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.prefix(".identity-").tempdir_in(parent)
}

/// The permission bits, if group or others have any.
#[cfg(unix)]
fn mode_open_to_others(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn mode_open_to_others(_: &Metadata) -> Option<u32> {
    None
}

/// Makes the names in a folder durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
