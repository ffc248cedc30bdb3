//! The provider records that a node keeps, for itself and for others, within bounds.
//!
//! libp2p's own store keeps what others left until somebody asks for it, and counts it against what we may provide
//! ourselves. This one drops expired records when it needs the room, and keeps our own apart. It takes no values:
//! nothing in Parv puts any into the table.

use crate::limits::{MAX_FOREIGN_RECORDS, MAX_OWN_KEYS, MAX_PROVIDERS_PER_KEY};
use libp2p::PeerId;
use libp2p::kad::store::{Error, RecordStore, Result};
use libp2p::kad::{ProviderRecord, Record, RecordKey};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Values;
use std::time::Instant;

/// The records.
pub(crate) struct ProviderStore {
    me: PeerId,
    own: HashMap<RecordKey, ProviderRecord>,
    foreign: HashMap<RecordKey, Vec<ProviderRecord>>,
    /// How many records `foreign` holds.
    count: usize,
    capacity: usize,
}

impl ProviderStore {
    pub(crate) fn new(me: PeerId) -> Self {
        Self { me, own: HashMap::new(), foreign: HashMap::new(), count: 0, capacity: MAX_FOREIGN_RECORDS }
    }

    fn drop_expired(&mut self) {
        let now = Instant::now();
        self.foreign.retain(|_, records| {
            records.retain(|record| !record.is_expired(now));
            !records.is_empty()
        });
        self.count = self.foreign.values().map(Vec::len).sum();
    }
}

impl RecordStore for ProviderStore {
    type RecordsIter<'a> = std::iter::Empty<Cow<'a, Record>>;
    type ProvidedIter<'a> =
        std::iter::Map<Values<'a, RecordKey, ProviderRecord>, fn(&'a ProviderRecord) -> Cow<'a, ProviderRecord>>;

    fn get(&self, _: &RecordKey) -> Option<Cow<'_, Record>> {
        None
    }

    fn put(&mut self, _: Record) -> Result<()> {
        Err(Error::MaxRecords)
    }

    fn remove(&mut self, _: &RecordKey) {}

    fn records(&self) -> Self::RecordsIter<'_> {
        std::iter::empty()
    }

    fn add_provider(&mut self, record: ProviderRecord) -> Result<()> {
        if record.provider == self.me {
            if self.own.len() >= MAX_OWN_KEYS && !self.own.contains_key(&record.key) {
                return Err(Error::MaxProvidedKeys);
            }
            self.own.insert(record.key.clone(), record);
            return Ok(());
        }
        let known = self.foreign.get_mut(&record.key);
        if let Some(old) = known.and_then(|all| all.iter_mut().find(|old| old.provider == record.provider)) {
            *old = record;
            return Ok(());
        }
        if self.count >= self.capacity {
            self.drop_expired();
        }
        if self.count >= self.capacity {
            return Err(Error::MaxProvidedKeys);
        }
        let records = self.foreign.entry(record.key.clone()).or_default();
        // First come, first kept: who floods a key afterwards does not displace those who are there.
        if records.len() < MAX_PROVIDERS_PER_KEY {
            records.push(record);
            self.count += 1;
        }
        Ok(())
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        self.own.get(key).into_iter().chain(self.foreign.get(key).into_iter().flatten()).cloned().collect()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        self.own.values().map(Cow::Borrowed)
    }

    fn remove_provider(&mut self, key: &RecordKey, provider: &PeerId) {
        if *provider == self.me {
            self.own.remove(key);
        } else if let Some(records) = self.foreign.get_mut(key) {
            let before = records.len();
            records.retain(|record| record.provider != *provider);
            self.count -= before - records.len();
            if records.is_empty() {
                self.foreign.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn store(capacity: usize) -> ProviderStore {
        ProviderStore { capacity, ..ProviderStore::new(PeerId::random()) }
    }

    fn record(key: u8, provider: PeerId, expires: Option<Instant>) -> ProviderRecord {
        ProviderRecord { key: RecordKey::new(&[key]), provider, expires, addresses: Vec::new() }
    }

    #[test]
    fn records_come_and_go() {
        let mut store = store(10);
        let (me, other) = (store.me, PeerId::random());
        store.add_provider(record(1, me, None)).unwrap();
        store.add_provider(record(1, other, None)).unwrap();
        store.add_provider(record(1, other, None)).unwrap();
        assert_eq!(store.providers(&RecordKey::new(&[1])).len(), 2);
        assert_eq!(store.provided().count(), 1);
        store.remove_provider(&RecordKey::new(&[1]), &me);
        store.remove_provider(&RecordKey::new(&[1]), &other);
        assert!(store.providers(&RecordKey::new(&[1])).is_empty());
        assert_eq!((store.provided().count(), store.count), (0, 0));
    }

    #[test]
    fn a_flood_leaves_room_for_our_own_and_goes_when_it_expires() {
        let mut store = store(30);
        let me = store.me;
        let soon = Instant::now();
        for _ in 0..100 {
            store.add_provider(record(1, PeerId::random(), Some(soon))).unwrap();
        }
        assert_eq!(store.count, MAX_PROVIDERS_PER_KEY);
        let later = Some(soon + Duration::from_secs(3600));
        for key in 2..12 {
            store.add_provider(record(key, PeerId::random(), later)).unwrap();
        }
        // Full; the expired ones make room.
        store.add_provider(record(12, PeerId::random(), later)).unwrap();
        assert_eq!(store.count, 11);
        for key in 13..32 {
            store.add_provider(record(key, PeerId::random(), later)).unwrap();
        }
        assert!(store.add_provider(record(99, PeerId::random(), later)).is_err());
        store.add_provider(record(99, me, None)).unwrap();
    }
}
