//! Saying in the distributed table where this device is: at the start, whenever that changes, and again before the
//! record expires.

use super::Driver;
use crate::address_record::{self, AddressRecord};
use crate::addresses;
use crate::peer::device_id;
use crate::topic::Key;
use libp2p::identity::Keypair;
use libp2p::kad::{QueryId, Quorum, Record};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::time::{Duration, Instant};

/// How long to wait for more changes before saying them: interfaces come and go in groups.
const SETTLE: Duration = Duration::from_millis(300);

/// How long to wait before saying it again when nobody heard it.
const AGAIN: Duration = Duration::from_secs(60);

/// What this device says of itself, and when it says it next.
pub(super) struct Whereabouts {
    key: Keypair,
    credential: Vec<u8>,
    due: Option<Instant>,
    /// The question to the table by which it is being said.
    query: Option<QueryId>,
    /// When the last record was issued, in milliseconds since 1970: each must be later than the one before.
    issued: u64,
}

impl Whereabouts {
    pub(super) fn new(key: Keypair, credential: Vec<u8>) -> Self {
        Self { key, credential, due: None, query: None, issued: 0 }
    }

    /// Something has changed, or the record must be renewed.
    pub(super) fn changed(&mut self, now: Instant) {
        let soon = now + SETTLE;
        self.due = Some(self.due.map_or(soon, |due| due.min(soon)));
    }

    /// Nobody heard it.
    pub(super) fn failed(&mut self, now: Instant) {
        self.due.get_or_insert(now + AGAIN);
    }

    /// Whether it is this query that says it.
    pub(super) fn is_said_by(&self, query: &QueryId) -> bool {
        self.query.as_ref() == Some(query)
    }

    /// When to say it.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The record to publish now.
    fn record(&mut self, me: &PeerId, addresses: Vec<Multiaddr>) -> Option<Record> {
        self.due = None;
        let device = device_id(me)?;
        self.issued = (address_record::now().as_millis() as u64).max(self.issued + 1);
        let record = AddressRecord { device, issued: self.issued, addresses, credential: self.credential.clone() };
        match record.seal(&self.key) {
            Ok(bytes) => Some(Record::new(Key::of_device(&device).record_key(), bytes)),
            Err(error) => {
                tracing::warn!(%error, "this device cannot say where it is");
                None
            }
        }
    }
}

impl Driver {
    /// Publishes where this device is, if it is anywhere.
    pub(super) fn publish_whereabouts(&mut self) {
        let me = *self.swarm.local_peer_id();
        let bare = |address: &Multiaddr| {
            let mut address = address.clone();
            if address.iter().last() == Some(Protocol::P2p(me)) {
                address.pop();
            }
            address
        };
        let external: Vec<_> = self.swarm.external_addresses().map(bare).collect();
        let listening: Vec<_> = self.swarm.listeners().map(bare).collect();
        let addresses = addresses::worth_publishing(external, listening);
        if addresses.is_empty() {
            return self.whereabouts.due = None;
        }
        if let Some(record) = self.whereabouts.record(&me, addresses) {
            // Our own store takes everything of ours.
            self.whereabouts.query = self.swarm.behaviour_mut().kad.put_record(record, Quorum::One).ok();
        }
    }
}
