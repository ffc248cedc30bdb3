//! Which letters were read: `mailbox.json`. A keeper, or whoever stands between, may show a letter again and again; it is
//! done once, also over a restart.
//!
//! An entry is needed for no longer than the letter lives, so the list is short by itself. A flood from many senders makes
//! room by forgetting what dies soonest; a letter that is read again then is recognised by what it says, as far as that is
//! remembered.

use crate::{Error, files};
use parv_model::DeviceId;
use parv_net::{Letter, Purpose};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many senders' letters are remembered; as a file, some 600 KB.
const MAX_ENTRIES: usize = 4096;

/// How many letters one sender may have in this device's mailboxes.
type Place = (DeviceId, Word);

/// A purpose, as it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Invitation,
    Contact,
    WakeUp,
}

impl From<Purpose> for Word {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Invitation => Self::Invitation,
            Purpose::Contact => Self::Contact,
            Purpose::WakeUp => Self::WakeUp,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Entry {
    sender: DeviceId,
    purpose: Word,
    /// The number of the last letter that was read, which is when it was issued: milliseconds since 1970.
    issued: u64,
    /// Until when it could be shown again, in milliseconds since 1970.
    expires: u64,
}

/// See the [module](self).
pub(crate) struct ReadLetters {
    path: PathBuf,
    entries: Mutex<BTreeMap<Place, Entry>>,
}

impl ReadLetters {
    /// Reads the list. A damaged one is forgotten, with a warning.
    pub(crate) fn open(path: PathBuf) -> Self {
        let entries: Option<Vec<Entry>> = files::read_json(&path).unwrap_or_else(|error| {
            tracing::warn!("{error}; which letters were read is forgotten");
            None
        });
        let entries = entries.into_iter().flatten().map(|entry| ((entry.sender, entry.purpose), entry)).collect();
        Self { path, entries: Mutex::new(entries) }
    }

    /// Whether a letter was not read yet, nor a later one in its place.
    pub(crate) fn is_news(&self, letter: &Letter) -> bool {
        let read = self.entries().get(&(letter.sender, letter.purpose.into())).copied();
        read.is_none_or(|read| read.issued < letter.issued)
    }

    /// A letter was read at `now`, in seconds since 1970. Durable when this returns.
    pub(crate) fn note(&self, letter: &Letter, now: i64) -> Result<(), Error> {
        let Letter { sender, issued, expires, .. } = *letter;
        let purpose = letter.purpose.into();
        let now = u64::try_from(now).unwrap_or_default() * 1000;
        let mut entries = self.entries();
        entries.retain(|_, entry| entry.expires >= now);
        entries.insert((sender, purpose), Entry { sender, purpose, issued, expires });
        while entries.len() > MAX_ENTRIES {
            let soonest = entries.iter().min_by_key(|(_, entry)| entry.expires).map(|(place, _)| *place);
            let Some(soonest) = soonest else { break };
            entries.remove(&soonest);
        }
        files::write_json(&self.path, &entries.values().collect::<Vec<_>>())
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<Place, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn letter(sender: u16, purpose: Purpose, issued: u64) -> Letter {
        let sender = DeviceId::from_bytes(std::array::from_fn(|at| sender.to_le_bytes()[at % 2]));
        let issued = NOW as u64 * 1000 + issued;
        Letter { sender, purpose, issued, expires: issued + 10_000, body: Vec::new() }
    }

    #[test]
    fn a_letter_is_news_once_also_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mailbox.json");
        let read = ReadLetters::open(path.clone());
        let (first, second) = (letter(1, Purpose::Invitation, 0), letter(1, Purpose::Invitation, 1));
        assert!(read.is_news(&first));
        read.note(&second, NOW).unwrap();
        let read = ReadLetters::open(path.clone());
        assert!(!read.is_news(&first) && !read.is_news(&second));
        assert!(read.is_news(&letter(1, Purpose::Invitation, 2)));
        assert!(read.is_news(&letter(1, Purpose::Contact, 0)) && read.is_news(&letter(2, Purpose::Invitation, 0)));
        std::fs::write(&path, b"[{").unwrap();
        assert!(ReadLetters::open(path).is_news(&first));
    }

    #[test]
    fn what_can_come_no_more_is_forgotten_and_a_flood_does_not_grow_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let read = ReadLetters::open(folder.path().join("mailbox.json"));
        read.note(&letter(1, Purpose::WakeUp, 0), NOW).unwrap();
        read.note(&letter(2, Purpose::WakeUp, 0), NOW + 11).unwrap();
        assert_eq!(read.entries().len(), 1);
        for sender in 0..MAX_ENTRIES as u16 + 1 {
            let entry = letter(sender, Purpose::WakeUp, 5000 + u64::from(sender));
            let (sender, issued, expires) = (entry.sender, entry.issued, entry.expires);
            let purpose = Word::WakeUp;
            read.entries().insert((sender, purpose), Entry { sender, purpose, issued, expires });
        }
        read.note(&letter(9999, Purpose::WakeUp, 9000), NOW).unwrap();
        assert_eq!(read.entries().len(), MAX_ENTRIES);
        let path = read.path.clone();
        assert_eq!(ReadLetters::open(path).entries().len(), MAX_ENTRIES);
    }
}
