//! People's devices that were met, so that they can be looked for again: `contacts/<uri>.json`.

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

    /// A device of somebody was met. Written down only when that is news.
    pub(crate) fn met(&self, uri: Uri, device: DeviceId) -> Result<(), Error> {
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
        files::write_json(&self.folder.join(format!("{uri}.json")), person)
    }

    /// The known devices of somebody, the one met last first.
    pub(crate) fn devices(&self, uri: &Uri) -> Vec<DeviceId> {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.get(uri).map(|person| person.devices.iter().rev().copied().collect()).unwrap_or_default()
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
            contacts.met(uri, device(number)).unwrap();
        }
        let contacts = Contacts::open(folder.path().into()).unwrap();
        let devices = contacts.devices(&uri);
        assert_eq!(devices.len(), MAX_DEVICES);
        assert_eq!(devices[..2], [device(3), device(MAX_DEVICES)]);
        assert_eq!(contacts.devices(&Uri::from_bytes([2; 32])), []);
    }
}
