//! What a node keeps of the distributed table, for itself and for others, within bounds: provider records and address
//! records.
//!
//! libp2p's own store keeps what others left until somebody asks for it, and counts it against what we may provide
//! ourselves. This one drops expired records when it needs the room, and keeps our own apart. Of values it takes address
//! records only, each checked before it is kept; of two of one device, the one issued later stays.

use crate::address_record::{self, AddressRecord};
use crate::limits::{MAX_FOREIGN_RECORDS, MAX_FOREIGN_VALUES, MAX_OWN_KEYS, MAX_PROVIDERS_PER_KEY};
use crate::peer::device_id;
use libp2p::PeerId;
use libp2p::kad::store::{Error, RecordStore, Result};
use libp2p::kad::{ProviderRecord, Record, RecordKey};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Values;
use std::time::Instant;

/// The records.
pub(crate) struct Table {
    me: PeerId,
    values: HashMap<RecordKey, Value>,
    max_values: usize,
    own: HashMap<RecordKey, ProviderRecord>,
    foreign: HashMap<RecordKey, Vec<ProviderRecord>>,
    /// How many records `foreign` holds.
    count: usize,
    capacity: usize,
}

/// An address record that was checked.
pub(crate) struct Value {
    issued: u64,
    record: Record,
}

impl Table {
    pub(crate) fn new(me: PeerId) -> Self {
        Self {
            me,
            values: HashMap::new(),
            max_values: MAX_FOREIGN_VALUES,
            own: HashMap::new(),
            foreign: HashMap::new(),
            count: 0,
            capacity: MAX_FOREIGN_RECORDS,
        }
    }

    /// How many provider records and address records it holds.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.own.len() + self.count, self.values.len())
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

impl RecordStore for Table {
    type RecordsIter<'a> = std::iter::Map<Values<'a, RecordKey, Value>, fn(&'a Value) -> Cow<'a, Record>>;
    type ProvidedIter<'a> =
        std::iter::Map<Values<'a, RecordKey, ProviderRecord>, fn(&'a ProviderRecord) -> Cow<'a, ProviderRecord>>;

    fn get(&self, key: &RecordKey) -> Option<Cow<'_, Record>> {
        self.values.get(key).map(|value| Cow::Borrowed(&value.record))
    }

    fn put(&mut self, record: Record) -> Result<()> {
        let opened = AddressRecord::open(&record.value, record.key.as_ref(), address_record::now());
        let opened = opened.map_err(|error| {
            tracing::debug!(%error, "a value is not kept");
            Error::ValueTooLarge
        })?;
        if self.values.get(&record.key).is_some_and(|known| known.issued > opened.issued) {
            return Ok(());
        }
        let is_own = Some(opened.device) == device_id(&self.me);
        if !is_own && !self.values.contains_key(&record.key) {
            if self.values.len() >= self.max_values {
                let now = Instant::now();
                self.values.retain(|_, value| !value.record.is_expired(now));
            }
            if self.values.len() >= self.max_values {
                return Err(Error::MaxRecords);
            }
        }
        self.values.insert(record.key.clone(), Value { issued: opened.issued, record });
        Ok(())
    }

    fn remove(&mut self, key: &RecordKey) {
        self.values.remove(key);
    }

    fn records(&self) -> Self::RecordsIter<'_> {
        self.values.values().map(|value| Cow::Borrowed(&value.record))
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
    use crate::topic::Key;
    use libp2p::identity::Keypair;
    use std::time::Duration;

    fn store(capacity: usize) -> Table {
        Table { capacity, ..Table::new(PeerId::random()) }
    }

    /// The address record of a device that says one port.
    fn value(seed: u8, later: u64, port: u16) -> Record {
        let pair = Keypair::ed25519_from_bytes([seed; 32]).unwrap();
        let device = device_id(&pair.public().to_peer_id()).unwrap();
        let issued = address_record::now().as_millis() as u64 + later;
        let addresses = vec![format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()];
        let bytes = AddressRecord { device, issued, addresses, credential: Vec::new() }.seal(&pair).unwrap();
        Record::new(RecordKey::new(Key::of_device(&device).as_bytes()), bytes)
    }

    #[test]
    fn the_record_issued_last_stays_and_nobody_writes_under_anothers_key() {
        let mut store = store(0);
        let (older, newer) = (value(1, 0, 1), value(1, 1000, 2));
        store.put(older.clone()).unwrap();
        store.put(newer.clone()).unwrap();
        store.put(older.clone()).unwrap();
        assert_eq!(store.get(&newer.key).unwrap().value, newer.value);
        let misplaced = Record { key: older.key.clone(), ..value(2, 5000, 3) };
        assert!(store.put(misplaced).is_err());
        assert!(store.put(Record::new(older.key.clone(), b"anything".to_vec())).is_err());
        assert_eq!(store.get(&newer.key).unwrap().value, newer.value);
        assert_eq!((store.len(), store.records().count()), ((0, 1), 1));
        store.remove(&newer.key);
        assert!(store.get(&newer.key).is_none());
    }

    #[test]
    fn a_flood_of_values_ends_at_the_limit_and_leaves_room_for_our_own() {
        let own = Keypair::ed25519_from_bytes([0; 32]).unwrap().public().to_peer_id();
        let mut store = Table { max_values: 3, ..Table::new(own) };
        let soon = Some(Instant::now());
        for seed in 1..=3 {
            store.put(Record { expires: soon.filter(|_| seed == 1), ..value(seed, 0, 1) }).unwrap();
        }
        store.put(value(4, 0, 1)).unwrap();
        assert!(store.put(value(5, 0, 1)).is_err());
        store.put(value(4, 1, 2)).unwrap();
        store.put(value(0, 0, 1)).unwrap();
        assert_eq!(store.len(), (0, 4));
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
