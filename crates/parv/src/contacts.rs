//! What is known of people: their devices that were met or found, so that they can be looked for again and be left letters,
//! and whether they are blocked. In `contacts/<uri>.json`.

use crate::{Error, files};
use parv_model::{DeviceId, Uri};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// How many people are remembered; who comes later is met anew each time.
const MAX_PEOPLE: usize = 10_000;

/// How many devices of one person are remembered, the ones met last.
const MAX_DEVICES: usize = 16;

/// A person as it is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Person {
    /// The one met last comes last.
    devices: Vec<DeviceId>,
    /// Whether invitations of this person are to be dropped unseen.
    #[serde(default)]
    blocked: bool,
}

/// See the [module](self).
pub(crate) struct Contacts {
    folder: PathBuf,
    people: Mutex<HashMap<Uri, Person>>,
}

impl Contacts {
    /// Reads who is known. Damaged entries are left out, with a warning.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, Error> {
        let people = files::read_all(&folder)?.into_iter().collect();
        Ok(Self { folder, people: Mutex::new(people) })
    }

    /// A device of somebody was met, or found with the proof that it is theirs. Written down only when that is news.
    pub(crate) fn note(&self, uri: Uri, device: DeviceId) -> Result<(), Error> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() >= MAX_PEOPLE && !people.contains_key(&uri) {
            return Ok(());
        }
        let person = people.entry(uri).or_default();
        if person.devices.last() == Some(&device) {
            return Ok(());
        }
        person.devices.retain(|other| *other != device);
        person.devices.push(device);
        let surplus = person.devices.len().saturating_sub(MAX_DEVICES);
        person.devices.drain(..surplus);
        self.write(&uri, person)
    }

    /// Blocks somebody, or lets them be heard again. Durable when this returns.
    pub(crate) fn set_blocked(&self, uri: Uri, blocked: bool) -> Result<(), Error> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let mut person = people.get(&uri).cloned().unwrap_or_default();
        person.blocked = blocked;
        self.write(&uri, &person)?;
        people.insert(uri, person);
        Ok(())
    }

    /// Whether somebody is blocked.
    pub(crate) fn is_blocked(&self, uri: &Uri) -> bool {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.get(uri).is_some_and(|person| person.blocked)
    }

    /// Everybody who is blocked, sorted.
    pub(crate) fn blocked(&self) -> Vec<Uri> {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let mut blocked: Vec<_> = people.iter().filter(|(_, person)| person.blocked).map(|(uri, _)| *uri).collect();
        blocked.sort();
        blocked
    }

    /// The known devices of somebody, the one met last first.
    pub(crate) fn devices(&self, uri: &Uri) -> Vec<DeviceId> {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.get(uri).map(|person| person.devices.iter().rev().copied().collect()).unwrap_or_default()
    }

    fn write(&self, uri: &Uri, person: &Person) -> Result<(), Error> {
        files::write_json(&self.folder.join(format!("{uri}.json")), person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_met_last_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let uri = Uri::from_bytes([1; 32]);
        let device = |number: usize| DeviceId::from_bytes([number as u8; 32]);
        let contacts = Contacts::open(folder.path().into()).unwrap();
        for number in (0..=MAX_DEVICES).chain([3]) {
            contacts.note(uri, device(number)).unwrap();
        }
        let contacts = Contacts::open(folder.path().into()).unwrap();
        let devices = contacts.devices(&uri);
        assert_eq!(devices.len(), MAX_DEVICES);
        assert_eq!(devices[..2], [device(3), device(MAX_DEVICES)]);
        assert_eq!(contacts.devices(&Uri::from_bytes([2; 32])), []);
    }

    #[test]
    fn who_is_blocked_stays_blocked_until_let_in_again() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, bob) = (Uri::from_bytes([1; 32]), Uri::from_bytes([2; 32]));
        let contacts = Contacts::open(folder.path().into()).unwrap();
        contacts.note(ann, DeviceId::from_bytes([3; 32])).unwrap();
        contacts.set_blocked(bob, true).unwrap();
        contacts.set_blocked(ann, true).unwrap();
        let contacts = Contacts::open(folder.path().into()).unwrap();
        assert_eq!(contacts.blocked(), [ann, bob]);
        contacts.set_blocked(ann, false).unwrap();
        let contacts = Contacts::open(folder.path().into()).unwrap();
        assert!(contacts.is_blocked(&bob) && !contacts.is_blocked(&ann));
        assert_eq!(contacts.devices(&ann), [DeviceId::from_bytes([3; 32])]);
    }
}
