//! An account on this device: a folder with its keys and everything that belongs to it.

use crate::Error;
use crate::clock;
use crate::files::{self, failed};
use crate::folders::Folders;
use parv_identity::{Identity, IdentityFolder, NewIdentity, archive};
use parv_model::{DeviceId, DisplayName, Uri};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

/// The longest name that fits into a certificate, in characters (X.520 `ub-common-name`). Longer ones are cut there, and
/// only there.
const MAX_CERTIFICATE_NAME_CHARS: usize = 64;

/// What a device is called in its certificate while devices have no names of their own.
const DEVICE_NAME: &str = "parv";

/// What a new account is made from.
#[derive(Debug, Clone, Default)]
pub struct NewAccount {
    /// What others see as the author's name. What cannot stand in a commit is dropped.
    pub name: String,
    /// What the account key is sealed with. The key is needed only to add or renew devices. Without a password,
    /// whoever can read the folder can take the account.
    pub password: Option<String>,
}

/// An account, opened by this process alone.
#[derive(Debug)]
pub struct Account {
    folders: Folders,
    identity: Identity,
    name: DisplayName,
    _lock: Lock,
}

/// The contents of `profile.json`.
#[derive(Serialize, Deserialize)]
struct Profile {
    name: String,
}

impl Account {
    /// Makes a new account in the data folder `home`, which is made too if it is not there. Takes a quarter of a second,
    /// nearly all of it for sealing the key.
    pub fn create(home: &Path, new: NewAccount) -> Result<Self, Error> {
        let name = DisplayName::sanitise(&new.name);
        let (identity, account_key) = Identity::create(&certificate_name(&name), DEVICE_NAME, clock::now())?;
        let sealed = archive::seal(&account_key, new.password.as_deref().unwrap_or_default())?;
        let folders = Folders::of(home.join(identity.uri().to_string()));
        files::make_folder(folders.account())?;
        let lock = Lock::take(folders.account())?;
        files::write_json(&folders.profile(), &Profile { name: name.to_string() })?;
        // Last: a folder without an identity is no account.
        let new = NewIdentity { identity: &identity, archive: Some(&sealed) };
        IdentityFolder::create(&folders.identity(), &new)?;
        Ok(Self { folders, identity, name, _lock: lock })
    }

    /// Opens an account of the data folder `home`: the one that is named, else the only one.
    ///
    /// # Errors
    /// [`Error::NoAccount`], [`Error::WhichAccount`] if several are there and none is named, [`Error::Locked`] if
    /// another process (or another engine of this one) works on it.
    pub fn open(home: &Path, which: Option<Uri>) -> Result<Self, Error> {
        let mut there = Self::list(home)?;
        let uri = match which {
            Some(uri) if there.contains(&uri) => uri,
            None if there.len() == 1 => there.remove(0),
            None if there.len() > 1 => return Err(Error::WhichAccount(there)),
            which => return Err(Error::NoAccount { home: home.to_owned(), which }),
        };
        let folders = Folders::of(home.join(uri.to_string()));
        let lock = Lock::take(folders.account())?;
        let path = folders.identity();
        let (_, identity) = IdentityFolder::open(&path)?;
        if identity.uri() != uri {
            return Err(Error::Damaged { path, why: format!("it holds the identity of {}", identity.uri()) });
        }
        let profile: Option<Profile> = files::read_json(&folders.profile())?;
        let name = match &profile {
            Some(profile) => &profile.name,
            None => identity.account_certificate.common_name(),
        };
        let name = DisplayName::sanitise(name);
        Ok(Self { folders, identity, name, _lock: lock })
    }

    /// The accounts in the data folder `home`, sorted.
    pub fn list(home: &Path) -> Result<Vec<Uri>, Error> {
        let is_account = |uri: &Uri| Folders::of(home.join(uri.to_string())).identity().is_dir();
        Ok(files::names(home)?.iter().filter_map(|name| name.parse().ok()).filter(is_account).collect())
    }

    /// The account's address.
    pub fn uri(&self) -> Uri {
        self.identity.uri()
    }

    /// This device.
    pub fn device_id(&self) -> DeviceId {
        self.identity.device_id()
    }

    /// What others see as the author's name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Where everything of the account lies: `<home>/<uri>`.
    pub fn folder(&self) -> &Path {
        self.folders.account()
    }

    pub(crate) fn folders(&self) -> &Folders {
        &self.folders
    }

    pub(crate) fn display_name(&self) -> &DisplayName {
        &self.name
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// The name as a certificate may hold it.
fn certificate_name(name: &DisplayName) -> String {
    let cut: String = name.as_str().chars().take(MAX_CERTIFICATE_NAME_CHARS).collect();
    cut.trim_end().to_owned()
}

/// The right to work on an account's folder. The system gives it back when the file is closed, however the process ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held open for its lock")] File);

impl Lock {
    /// Takes the right; fails with [`Error::Locked`] while another process has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                let pid = file.take(20).read_to_string(&mut pid).ok().and_then(|_| pid.trim().parse().ok());
                return Err(Error::Locked { folder: folder.to_owned(), pid });
            }
            locked => locked.map_err(|error| failed("lock", &path)(error.into()))?,
        }
        // For people who wonder who holds it; nothing depends on it.
        let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        noted.map_err(failed("write", &path))?;
        Ok(Self(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(home: &Path, name: &str) -> Account {
        Account::create(home, NewAccount { name: name.into(), password: None }).unwrap()
    }

    #[test]
    fn an_account_comes_back_from_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let account = create(home.path(), " Ann <ann>\nof \u{7}Ärni ");
        let (uri, device) = (account.uri(), account.device_id());
        assert_eq!(account.name(), "Ann annof Ärni");
        drop(account);
        let account = Account::open(home.path(), None).unwrap();
        assert_eq!((account.uri(), account.device_id(), account.name()), (uri, device, "Ann annof Ärni"));
        assert_eq!(account.folder(), home.path().join(uri.to_string()));
    }

    #[test]
    fn only_one_works_on_it_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let account = create(home.path(), "Ann");
        match Account::open(home.path(), None) {
            Err(Error::Locked { folder, pid }) => {
                assert_eq!(folder, account.folder());
                assert_eq!(pid, Some(std::process::id()));
            }
            other => panic!("opened twice: {other:?}"),
        }
        drop(account);
        Account::open(home.path(), None).unwrap();
    }

    #[test]
    fn the_right_account_is_opened_or_none() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(Account::open(home.path(), None), Err(Error::NoAccount { which: None, .. })));
        let stranger = Uri::from_bytes([1; 32]);
        assert!(matches!(Account::open(home.path(), Some(stranger)), Err(Error::NoAccount { which: Some(_), .. })));
        assert!(matches!(Account::open(&home.path().join("nowhere"), None), Err(Error::NoAccount { .. })));
        let (ann, bob) = (create(home.path(), "Ann").uri(), create(home.path(), &"B".repeat(500)).uri());
        match Account::open(home.path(), None) {
            Err(Error::WhichAccount(list)) => assert!(list.contains(&ann) && list.contains(&bob)),
            other => panic!("chose one: {other:?}"),
        }
        assert_eq!(Account::open(home.path(), Some(bob)).unwrap().uri(), bob);
    }

    #[test]
    fn a_damaged_profile_is_named() {
        let home = tempfile::tempdir().unwrap();
        let path = create(home.path(), "Ann").folder().join("profile.json");
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(Account::open(home.path(), None), Err(Error::Damaged { path: named, .. }) if named == path));
    }
}
