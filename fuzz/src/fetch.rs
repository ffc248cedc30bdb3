//! What another device says while we fetch from it: whatever it is, nothing stays of it unless it is judged.

use crate::sample::Sample;
use parv_store::{FetchError, FetchLimits, Repository, fetch};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How much of the sample the fetching device has.
pub const KNOWN: usize = 4;

/// The device that fetches.
pub(crate) struct Client {
    _folder: TempDir,
    repository: Repository,
    files: BTreeSet<PathBuf>,
    /// The whole conversation.
    pub(crate) sample: Sample,
}

impl Client {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sample = Sample::make();
        let repository = sample.store(&folder.path().join("conversation"), KNOWN);
        let files = files(repository.path());
        Self { _folder: folder, repository, files, sample }
    }

    /// Does something with the one client of this thread.
    pub(crate) fn with<T>(work: impl FnOnce(&Self) -> T) -> T {
        thread_local!(static CLIENT: OnceCell<Client> = const { OnceCell::new() });
        CLIENT.with(|cell| work(cell.get_or_init(Self::new)))
    }

    /// Fetches from a device that says this, whatever it is asked, and gives how many commits came.
    pub(crate) fn take(&self, script: &[u8]) -> Result<usize, FetchError> {
        let limits = FetchLimits {
            max_pack_bytes: 1024 * 1024,
            max_inflated_bytes: 4 * 1024 * 1024,
            max_objects: 10_000,
            max_time: Duration::from_secs(20),
            ..FetchLimits::default()
        };
        let fetched = fetch(&self.repository, script, io::sink(), &limits);
        let count = fetched.map(|quarantine| {
            let Some(quarantine) = quarantine else { return 0 };
            assert!(!quarantine.heads().is_empty(), "a quarantine without a head");
            let new: BTreeSet<_> = quarantine.new_commits().iter().collect();
            assert_eq!(new.len(), quarantine.new_commits().len(), "a commit comes twice");
            assert!(quarantine.heads().iter().all(|head| new.contains(head)), "a head is not new");
            for id in quarantine.new_commits() {
                let bytes = quarantine.commit(id).expect("readable").expect("there");
                assert_eq!(parv_model::object::commit_id(&bytes).as_ref(), Ok(id), "a commit has another name");
            }
            new.len()
        });
        let files = files(self.repository.path());
        let changed: Vec<_> = files.symmetric_difference(&self.files).collect();
        assert!(changed.is_empty(), "something stayed in the repository, or went: {changed:?}");
        if let Err(FetchError::Store(error)) = &count {
            panic!("another device broke our repository: {error}");
        }
        count
    }
}

/// Every file and folder below this one, but the folder of quarantines, which stays when they are gone.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_dir() {
                folders.push(entry.path());
            }
            files.insert(entry.path());
        }
    }
    files.remove(&folder.join("quarantine"));
    files
}

/// Hands the input to the client as all that the other device says.
pub fn hold(bytes: &[u8]) {
    let _ = fetched(bytes);
}

/// The same; how many commits came, if what was said was good.
pub fn fetched(bytes: &[u8]) -> Option<usize> {
    Client::with(|client| client.take(bytes)).ok()
}
