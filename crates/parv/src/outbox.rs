//! Invitations on their way to people who are not connected, one file each: `requests/outbox/<conversation>-<uri>.json`.

use crate::{Error, files};
use parv_model::{CommitId, ConversationId, Uri};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who is to be invited where. Its text is the name of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) conversation: ConversationId,
    pub(crate) uri: Uri,
}

impl FromStr for Address {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (conversation, uri) = text.split_once('-').ok_or(())?;
        Ok(Self { conversation: conversation.parse().map_err(drop)?, uri: uri.parse().map_err(drop)? })
    }
}

/// What is kept of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// The commit that invites.
    pub(crate) commit: CommitId,
    /// Since when it waits, in seconds since 1970.
    pub(crate) since: i64,
}

/// See the [module](self).
pub(crate) struct Outbox {
    folder: PathBuf,
    pending: Mutex<BTreeMap<Address, Pending>>,
}

impl Outbox {
    /// Reads what is pending. Damaged entries are left out, with a warning.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, Error> {
        let pending = files::read_all(&folder)?.into_iter().collect();
        Ok(Self { folder, pending: Mutex::new(pending) })
    }

    /// Adds an invitation, durably.
    pub(crate) fn add(&self, address: Address, pending: Pending) -> Result<(), Error> {
        let mut all = self.all();
        files::write_json(&self.file(&address), &pending)?;
        all.insert(address, pending);
        Ok(())
    }

    /// What waits for somebody.
    pub(crate) fn of(&self, uri: &Uri) -> Vec<(Address, Pending)> {
        self.all().iter().filter(|(address, _)| address.uri == *uri).map(|(address, p)| (*address, *p)).collect()
    }

    /// Everybody for whom something waits.
    pub(crate) fn people(&self) -> std::collections::BTreeSet<Uri> {
        self.all().keys().map(|address| address.uri).collect()
    }

    /// An invitation needs to wait no more. False if it did not.
    pub(crate) fn remove(&self, address: &Address) -> Result<bool, Error> {
        let mut all = self.all();
        files::remove(&self.file(address))?;
        Ok(all.remove(address).is_some())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Address, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, Address { conversation, uri }: &Address) -> PathBuf {
        self.folder.join(format!("{conversation}-{uri}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pending_stays_until_it_is_taken_off() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, bob) = (Uri::from_bytes([1; 32]), Uri::from_bytes([2; 32]));
        let commit = CommitId::from_bytes([3; 20]);
        let to = |uri| Address { conversation: ConversationId::new(commit), uri };
        let pending = Pending { commit, since: 7 };
        let outbox = Outbox::open(folder.path().into()).unwrap();
        outbox.add(to(ann), pending).unwrap();
        outbox.add(to(bob), pending).unwrap();
        assert!(outbox.remove(&to(bob)).unwrap());
        assert!(!outbox.remove(&to(bob)).unwrap());
        let outbox = Outbox::open(folder.path().into()).unwrap();
        assert_eq!(outbox.of(&ann), [(to(ann), pending)]);
        assert_eq!(outbox.of(&bob), []);
        assert_eq!(outbox.people(), [ann].into());
    }
}
