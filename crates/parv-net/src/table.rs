//! What a node keeps of the distributed table, for itself and for others, within bounds: provider records, address
//! records and letters.
//!
//! libp2p's own store keeps what others left until somebody asks for it, and counts it against what we may provide
//! ourselves. This one keeps our own apart, and what others leave on shelves with fair shares. Of values it takes address
//! records and letters only, each checked before it is kept and only from the device that signed it; of two under one
//! key, the one issued later stays. What libp2p puts here by itself ([`RecordStore`]) is our own.

use crate::NetError;
use crate::address_record::{self, AddressRecord};
use crate::limits::{
    ADDRESS_RECORD_LIFETIME, MAX_ADDRESS_RECORDS_BYTES, MAX_LETTERS_BYTES, MAX_LETTERS_OF_ONE, MAX_OWN_KEYS,
    MAX_PROVIDER_RECORDS_BYTES, MAX_PROVIDERS_PER_KEY, PROVIDER_RECORD_LIFETIME, RECORD_OVERHEAD_BYTES,
};
use crate::mailbox::LetterRecord;
use crate::peer::{device_id, peer_id};
use crate::shelf::{Claim, NoRoom, Origin, Shelf};
use crate::topic::Key;
use libp2p::kad::store::{Error, RecordStore, Result};
use libp2p::kad::{ProviderRecord, Record, RecordKey};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Values;
use std::time::{Duration, Instant};

/// The records.
pub(crate) struct Table {
    me: PeerId,
    own_values: HashMap<RecordKey, Record>,
    own_provided: HashMap<RecordKey, ProviderRecord>,
    address_records: Shelf<RecordKey, Value>,
    letters: Shelf<RecordKey, Value>,
    provided: Shelf<(RecordKey, PeerId), ProviderRecord>,
    /// Who provides what, of those on the shelf.
    providers: HashMap<RecordKey, Vec<PeerId>>,
}

/// A record that was checked.
struct Value {
    issued: u64,
    record: Record,
}

/// How many records of each kind a node keeps, its own included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) provider_records: usize,
    pub(crate) address_records: usize,
    pub(crate) letters: usize,
}

/// Why a record of somebody else is not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    #[error(transparent)]
    Wrong(#[from] NetError),
    #[error("it comes from somebody else than who signed it")]
    Secondhand,
    #[error("a later one is here")]
    Outdated,
    #[error("as many provide that key as are kept")]
    EnoughProviders,
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// A value, as far as its keeper understands it.
enum Checked {
    Address(AddressRecord),
    Letter(LetterRecord),
}

impl Checked {
    fn open(record: &Record, now: Duration) -> std::result::Result<Self, NetError> {
        match AddressRecord::open(&record.value, record.key.as_ref(), now) {
            Ok(read) => Ok(Self::Address(read)),
            Err(_) => LetterRecord::open(&record.value, record.key.as_ref(), now).map(Self::Letter),
        }
    }

    fn signer(&self) -> PeerId {
        match self {
            Self::Address(read) => peer_id(&read.device),
            Self::Letter(read) => peer_id(&read.sender),
        }
    }

    fn issued(&self) -> u64 {
        match self {
            Self::Address(read) => read.issued,
            Self::Letter(read) => read.issued,
        }
    }

    /// For how long it is worth something at `now`.
    fn remaining(&self, now: Duration) -> Duration {
        let until = match self {
            Self::Address(read) => Duration::from_millis(read.issued) + ADDRESS_RECORD_LIFETIME,
            Self::Letter(read) => Duration::from_millis(read.expires),
        };
        until.saturating_sub(now)
    }
}

impl Table {
    pub(crate) fn new(me: PeerId) -> Self {
        Self {
            me,
            own_values: HashMap::new(),
            own_provided: HashMap::new(),
            address_records: Shelf::new(MAX_ADDRESS_RECORDS_BYTES, 1),
            letters: Shelf::new(MAX_LETTERS_BYTES, MAX_LETTERS_OF_ONE),
            provided: Shelf::new(MAX_PROVIDER_RECORDS_BYTES, usize::MAX),
            providers: HashMap::new(),
        }
    }

    pub(crate) fn count(&self) -> Count {
        let whereabouts = device_id(&self.me).map(|device| Key::of_device(&device).record_key());
        let own = usize::from(whereabouts.is_some_and(|key| self.own_values.contains_key(&key)));
        Count {
            provider_records: self.own_provided.len() + self.provided.len(),
            address_records: own + self.address_records.len(),
            letters: self.own_values.len() - own + self.letters.len(),
        }
    }

    /// Keeps a value for a peer that gave it.
    pub(crate) fn take(&mut self, record: Record, from: PeerId, origin: Origin) -> std::result::Result<(), NotKept> {
        let time = address_record::now();
        let checked = Checked::open(&record, time)?;
        if checked.signer() != from {
            return Err(NotKept::Secondhand);
        }
        self.keep(record, checked, origin, time)
    }

    /// Keeps a value that was kept before a restart.
    pub(crate) fn restore(&mut self, record: Record, origin: Origin) -> std::result::Result<(), NotKept> {
        let time = address_record::now();
        let checked = Checked::open(&record, time)?;
        self.keep(record, checked, origin, time)
    }

    fn keep(
        &mut self,
        mut record: Record,
        checked: Checked,
        origin: Origin,
        time: Duration,
    ) -> std::result::Result<(), NotKept> {
        let now = Instant::now();
        let shelf = match checked {
            Checked::Address(_) => &mut self.address_records,
            Checked::Letter(_) => &mut self.letters,
        };
        if shelf.get(&record.key).is_some_and(|known| known.issued > checked.issued()) {
            return Err(NotKept::Outdated);
        }
        if matches!(&checked, Checked::Letter(read) if read.is_withdrawal()) {
            shelf.remove(&record.key);
            return Ok(());
        }
        // It says itself how long it lives.
        let expires = now + checked.remaining(time);
        record.expires = Some(expires);
        let bytes = record.key.as_ref().len() + record.value.len() + RECORD_OVERHEAD_BYTES;
        let claim = Claim { owner: checked.signer(), origin, bytes, expires };
        shelf.put(record.key.clone(), Value { issued: checked.issued(), record }, claim, now)?;
        Ok(())
    }

    /// Notes that a peer, which says so itself, provides something.
    pub(crate) fn take_provider(&mut self, record: ProviderRecord, origin: Origin) -> std::result::Result<(), NotKept> {
        let lifetime = Key::lifetime(&record.key);
        self.take_provider_for(record, origin, lifetime)
    }

    /// The same, for no longer than this.
    pub(crate) fn take_provider_for(
        &mut self,
        mut record: ProviderRecord,
        origin: Origin,
        remaining: Duration,
    ) -> std::result::Result<(), NotKept> {
        let now = Instant::now();
        let expires = now + remaining.min(Key::lifetime(&record.key));
        record.expires = Some(expires);
        // Where it is, its address record says. Here it only has to be named, and libp2p does not name a provider without
        // an address: a device behind a router has none until it holds a place at a relay.
        record.addresses = vec![Multiaddr::empty().with(Protocol::P2p(record.provider))];
        let (key, provider) = (record.key.clone(), record.provider);
        let known = self.providers.get(&key).map(Vec::as_slice).unwrap_or_default();
        let gives_way = match !known.contains(&provider) && known.len() >= MAX_PROVIDERS_PER_KEY {
            true => Some(self.who_gives_way(&key, origin).ok_or(NotKept::EnoughProviders)?),
            false => None,
        };
        let bytes = key.as_ref().len() + RECORD_OVERHEAD_BYTES;
        let claim = Claim { owner: provider, origin, bytes, expires };
        for (key, provider) in self.provided.put((key.clone(), provider), record, claim, now)? {
            self.forget(&key, &provider);
        }
        if let Some(other) = gives_way {
            self.remove_provider(&key, &other);
        }
        let all = self.providers.entry(key).or_default();
        if !all.contains(&provider) {
            all.push(provider);
        }
        Ok(())
    }

    /// The address records and letters of others, with where they came from.
    pub(crate) fn kept_values(&self) -> impl Iterator<Item = (&RecordKey, &[u8], Origin)> {
        let all = self.address_records.iter().chain(self.letters.iter());
        all.map(|(key, value, claim)| (key, value.record.value.as_slice(), claim.origin))
    }

    /// Who of others provides what under lasting keys, from where, and until when.
    pub(crate) fn kept_providers(&self) -> impl Iterator<Item = (&RecordKey, &PeerId, Origin, Instant)> {
        let lasting = self.provided.iter().filter(|((key, _), ..)| Key::lifetime(key) > PROVIDER_RECORD_LIFETIME);
        lasting.map(|((key, provider), _, claim)| (key, provider, claim.origin, claim.expires))
    }

    /// Of the many providers of a key, one from the network from which most of them are, if a newcomer's network has fewer
    /// even then: who floods a key does not displace others.
    fn who_gives_way(&self, key: &RecordKey, newcomer: Origin) -> Option<PeerId> {
        let all = self.providers.get(key)?;
        let origin = |provider: &PeerId| self.provided.origin(&(key.clone(), *provider));
        let mut counts = HashMap::<Origin, usize>::new();
        all.iter().filter_map(origin).for_each(|origin| *counts.entry(origin).or_default() += 1);
        let (giver, most) = counts.iter().max_by_key(|(origin, count)| (**count, **origin))?;
        let newcomers = counts.get(&newcomer).copied().unwrap_or_default();
        all.iter().find(|provider| *most > newcomers + 1 && origin(provider) == Some(*giver)).copied()
    }

    /// Somebody no longer is among the providers of a key.
    fn forget(&mut self, key: &RecordKey, provider: &PeerId) {
        if let Some(all) = self.providers.get_mut(key) {
            all.retain(|other| other != provider);
            if all.is_empty() {
                self.providers.remove(key);
            }
        }
    }
}

impl RecordStore for Table {
    type RecordsIter<'a> = std::iter::Map<Values<'a, RecordKey, Record>, fn(&'a Record) -> Cow<'a, Record>>;
    type ProvidedIter<'a> =
        std::iter::Map<Values<'a, RecordKey, ProviderRecord>, fn(&'a ProviderRecord) -> Cow<'a, ProviderRecord>>;

    fn get(&self, key: &RecordKey) -> Option<Cow<'_, Record>> {
        let kept = || self.address_records.get(key).or_else(|| self.letters.get(key)).map(|value| &value.record);
        self.own_values.get(key).or_else(kept).map(Cow::Borrowed)
    }

    fn put(&mut self, record: Record) -> Result<()> {
        // Bounded by how many letters we may leave, and the one record of where we are.
        self.own_values.insert(record.key.clone(), record);
        Ok(())
    }

    fn remove(&mut self, key: &RecordKey) {
        self.own_values.remove(key);
        self.address_records.remove(key);
        self.letters.remove(key);
    }

    fn records(&self) -> Self::RecordsIter<'_> {
        self.own_values.values().map(Cow::Borrowed)
    }

    fn add_provider(&mut self, record: ProviderRecord) -> Result<()> {
        if self.own_provided.len() >= MAX_OWN_KEYS && !self.own_provided.contains_key(&record.key) {
            return Err(Error::MaxProvidedKeys);
        }
        self.own_provided.insert(record.key.clone(), record);
        Ok(())
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        let others = self.providers.get(key).into_iter().flatten();
        let others = others.filter_map(|provider| self.provided.get(&(key.clone(), *provider)));
        self.own_provided.get(key).into_iter().chain(others).cloned().collect()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        self.own_provided.values().map(Cow::Borrowed)
    }

    fn remove_provider(&mut self, key: &RecordKey, provider: &PeerId) {
        if *provider == self.me {
            self.own_provided.remove(key);
        } else if self.provided.remove(&(key.clone(), *provider)).is_some() {
            self.forget(key, provider);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_LETTER_LIFETIME;
    use crate::mailbox::{Purpose, Slot};
    use crate::signed::tests::signer;
    use parv_model::{DeviceId, Uri};

    const HOME: Origin = Origin::V4([192, 0, 2]);

    fn table() -> Table {
        Table::new(peer_id(&signer(0).1))
    }

    /// The address record of a device that says one port, and the device's peer id.
    fn address(seed: u8, later: u64, port: u16) -> (Record, PeerId) {
        let (pair, device) = signer(seed);
        let issued = address_record::now().as_millis() as u64 + later;
        let addresses = vec![format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()];
        let bytes = AddressRecord { device, issued, addresses, credential: Vec::new() }.seal(&pair).unwrap();
        (Record::new(Key::of_device(&device).record_key(), bytes), peer_id(&device))
    }

    /// A letter of a device to one of many recipients, and the sender's peer id.
    fn letter(seed: u8, recipient: u16, later: u64, sealed: Vec<u8>) -> (Record, PeerId) {
        let (pair, sender) = signer(seed);
        let recipient = DeviceId::from_bytes(std::array::from_fn(|at| recipient.to_le_bytes()[at % 2]));
        let slot = Slot::new(&recipient, &sender, Purpose::Invitation);
        let issued = address_record::now().as_millis() as u64 + later;
        let expires = issued + MAX_LETTER_LIFETIME.as_millis() as u64;
        let letter = LetterRecord { sender, slot, issued, expires, sealed };
        (Record::new(letter.key().record_key(), letter.seal(&pair).unwrap()), peer_id(&sender))
    }

    #[test]
    fn the_record_issued_last_stays_and_nobody_writes_under_anothers_key() {
        let mut table = table();
        let ((older, peer), (newer, _)) = (address(1, 0, 1), address(1, 1000, 2));
        table.take(older.clone(), peer, HOME).unwrap();
        table.take(newer.clone(), peer, HOME).unwrap();
        assert!(matches!(table.take(older.clone(), peer, HOME), Err(NotKept::Outdated)));
        let (other, thief) = address(2, 5000, 3);
        let misplaced = Record { key: older.key.clone(), ..other };
        assert!(matches!(table.take(misplaced, thief, HOME), Err(NotKept::Wrong(_))));
        assert!(table.take(Record::new(older.key.clone(), b"anything".to_vec()), peer, HOME).is_err());
        let (later, _) = address(1, 2000, 4);
        assert!(matches!(table.take(later, thief, HOME), Err(NotKept::Secondhand)));
        assert_eq!(table.get(&newer.key).unwrap().value, newer.value);
        assert_eq!(table.count(), Count { provider_records: 0, address_records: 1, letters: 0 });
        table.remove(&newer.key);
        assert!(table.get(&newer.key).is_none());
    }

    #[test]
    fn a_letter_is_kept_for_as_long_as_it_says_until_its_sender_replaces_or_withdraws_it() {
        let mut table = table();
        let (first, sender) = letter(1, 7, 0, vec![1; 300]);
        table.take(Record { expires: Some(Instant::now()), ..first.clone() }, sender, HOME).unwrap();
        let kept = table.get(&first.key).unwrap().into_owned();
        assert_eq!(kept.value, first.value);
        assert!(!kept.is_expired(Instant::now() + MAX_LETTER_LIFETIME - Duration::from_secs(60)));
        assert!(kept.is_expired(Instant::now() + MAX_LETTER_LIFETIME));
        let (second, _) = letter(1, 7, 10, vec![2; 300]);
        table.take(second.clone(), sender, HOME).unwrap();
        assert!(matches!(table.take(first, sender, HOME), Err(NotKept::Outdated)), "a replay");
        assert_eq!(table.get(&second.key).unwrap().value, second.value);
        assert!(matches!(table.take(second.clone(), peer_id(&signer(2).1), HOME), Err(NotKept::Secondhand)));
        let (withdrawal, _) = letter(1, 7, 20, Vec::new());
        assert_eq!(withdrawal.key, second.key);
        table.take(withdrawal, sender, HOME).unwrap();
        assert!(table.get(&second.key).is_none());
        assert_eq!(table.count().letters, 0);
    }

    #[test]
    fn one_sender_fills_no_keeper() {
        let mut table = table();
        for recipient in 0..MAX_LETTERS_OF_ONE as u16 {
            let (record, sender) = letter(1, recipient, 0, vec![0; 100]);
            table.take(record, sender, HOME).unwrap();
        }
        let (surplus, sender) = letter(1, 9999, 0, vec![0; 100]);
        assert!(matches!(table.take(surplus, sender, HOME), Err(NotKept::NoRoom(NoRoom::OwnerHasEnough))));
        let (again, _) = letter(1, 3, 5, vec![0; 200]);
        table.take(again, sender, HOME).unwrap();
        let (other, sender) = letter(2, 9999, 0, vec![0; 100]);
        table.take(other, sender, HOME).unwrap();
        assert_eq!(table.count().letters, MAX_LETTERS_OF_ONE + 1);
    }

    #[test]
    fn our_own_records_need_no_room() {
        let mut table = Table { letters: Shelf::new(0, 0), ..table() };
        let (record, sender) = letter(0, 1, 0, vec![0; 100]);
        assert!(table.take(letter(1, 1, 0, vec![0; 100]).0, sender, HOME).is_err());
        table.put(record.clone()).unwrap();
        assert_eq!(table.get(&record.key).unwrap().value, record.value);
        table.put(address(0, 0, 1).0).unwrap();
        assert_eq!(table.count(), Count { provider_records: 0, address_records: 1, letters: 1 });
        assert_eq!(table.records().count(), 2);
    }

    /// Figures for decision 0027: `cargo test -p parv-net --lib -- --ignored --nocapture what_a_flood`.
    #[test]
    #[ignore = "measures: run it alone"]
    fn what_a_flood_costs() {
        let mut table = table();
        let (mut kept, mut bytes) = (0, 0);
        for seed in 1..=36 {
            for recipient in 0..MAX_LETTERS_OF_ONE as u16 {
                let (record, sender) = letter(seed, recipient, 0, vec![0; 7000]);
                let size = record.value.len();
                if table.take(record, sender, HOME).is_ok() {
                    (kept, bytes) = (kept + 1, bytes + size);
                }
            }
        }
        println!("kept of {}: {kept}, {} MiB", 36 * MAX_LETTERS_OF_ONE, bytes >> 20);
        let flood: Vec<_> = (0..1000).map(|recipient| letter(99, recipient, 0, vec![0; 7000])).collect();
        let start = Instant::now();
        assert!(flood.into_iter().all(|(record, sender)| table.take(record, sender, HOME).is_err()));
        println!("a refused letter: {:?}", start.elapsed() / 1000);
        let honest: Vec<_> = (0..200).map(|recipient| letter(100, recipient, 0, vec![0; 2000])).collect();
        let start = Instant::now();
        for (record, sender) in honest {
            table.take(record, sender, Origin::Elsewhere).unwrap();
        }
        println!("a letter for which others give way: {:?}", start.elapsed() / 200);
    }

    fn provides(key: &RecordKey, provider: PeerId) -> ProviderRecord {
        ProviderRecord { key: key.clone(), provider, expires: None, addresses: Vec::new() }
    }

    #[test]
    fn providers_come_and_go() {
        let mut table = table();
        let (me, other) = (table.me, PeerId::random());
        let key = RecordKey::new(&[1]);
        table.add_provider(provides(&key, me)).unwrap();
        table.take_provider(provides(&key, other), HOME).unwrap();
        table.take_provider(provides(&key, other), HOME).unwrap();
        let all = table.providers(&key);
        assert_eq!(all.len(), 2);
        assert!(all.iter().any(|record| record.provider == other && !record.addresses.is_empty()));
        assert_eq!((table.provided().count(), table.count().provider_records), (1, 2));
        table.remove_provider(&key, &me);
        table.remove_provider(&key, &other);
        assert!(table.providers(&key).is_empty() && table.providers.is_empty());
        assert_eq!((table.provided().count(), table.count().provider_records), (0, 0));
    }

    #[test]
    fn whose_device_one_is_is_kept_longer_than_what_it_has() {
        let mut table = table();
        let account = Key::of_account(&Uri::from_bytes([1; 32])).record_key();
        let passing = RecordKey::new(&[7; 32]);
        let greedy = RecordKey::from([[7; 32].as_slice(), &[255]].concat());
        for (key, lives) in
            [(account, MAX_LETTER_LIFETIME), (passing, PROVIDER_RECORD_LIFETIME), (greedy, MAX_LETTER_LIFETIME)]
        {
            table.take_provider(provides(&key, PeerId::random()), HOME).unwrap();
            let expires = table.providers(&key)[0].expires.unwrap();
            let now = Instant::now();
            assert!(expires <= now + lives && expires > now + lives - Duration::from_secs(60), "{key:?}");
        }
    }

    #[test]
    fn who_floods_a_key_from_one_network_does_not_hide_others() {
        let mut table = table();
        let key = RecordKey::new(&[1]);
        let flood = (0..100).filter(|_| table.take_provider(provides(&key, PeerId::random()), HOME).is_ok());
        assert_eq!(flood.count(), MAX_PROVIDERS_PER_KEY);
        let honest: Vec<_> = (0..5).map(|network| (PeerId::random(), Origin::V4([network; 3]))).collect();
        for (provider, origin) in &honest {
            table.take_provider(provides(&key, *provider), *origin).unwrap();
        }
        assert!(table.take_provider(provides(&key, PeerId::random()), HOME).is_err());
        let all: Vec<_> = table.providers(&key).iter().map(|record| record.provider).collect();
        assert_eq!(all.len(), MAX_PROVIDERS_PER_KEY);
        assert!(honest.iter().all(|(provider, _)| all.contains(provider)));
    }

    #[test]
    fn a_flood_of_keys_leaves_room_for_others_and_for_our_own() {
        let mut table = Table { provided: Shelf::new(30 * (RECORD_OVERHEAD_BYTES + 1), usize::MAX), ..table() };
        let key = |number| RecordKey::new(&[number]);
        let flooded = (0..100).filter(|n| table.take_provider(provides(&key(*n), PeerId::random()), HOME).is_ok());
        assert_eq!(flooded.count(), 30);
        table.take_provider(provides(&key(200), PeerId::random()), Origin::Elsewhere).unwrap();
        table.add_provider(provides(&key(201), table.me)).unwrap();
        assert_eq!(table.count().provider_records, 31);
        // What gave way is no longer named.
        assert!(table.providers(&key(0)).is_empty() && table.providers.len() == 30);
    }
}
