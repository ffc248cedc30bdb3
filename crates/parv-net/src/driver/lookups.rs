//! Questions to the distributed table that somebody waits for.

use super::Reply;
use crate::peer::device_id;
use libp2p::kad::QueryId;
use libp2p::{Multiaddr, PeerId};
use parv_model::DeviceId;
use std::collections::{BTreeSet, HashMap};

/// The lookups that are under way.
#[derive(Default)]
pub(super) struct Lookups {
    providers: HashMap<QueryId, ProvidersLookup>,
    addresses: HashMap<QueryId, AddressLookup>,
}

struct ProvidersLookup {
    found: BTreeSet<DeviceId>,
    reply: Reply<Vec<DeviceId>>,
}

/// A search for a peer's addresses.
pub(super) struct AddressLookup {
    pub(super) peer: PeerId,
    pub(super) reply: Reply<Found>,
}

/// What is known of a peer's addresses after a search.
#[derive(Debug)]
pub(crate) struct Found {
    /// All of them.
    pub(crate) addresses: Vec<Multiaddr>,
    /// Whether the search brought one that was not known.
    pub(crate) is_news: bool,
}

impl Lookups {
    pub(super) fn begin_providers(&mut self, query: QueryId, reply: Reply<Vec<DeviceId>>) {
        self.providers.insert(query, ProvidersLookup { found: BTreeSet::new(), reply });
    }

    pub(super) fn begin_addresses(&mut self, query: QueryId, lookup: AddressLookup) {
        self.addresses.insert(query, lookup);
    }

    /// The table named some providers.
    pub(super) fn found_providers(&mut self, query: &QueryId, peers: impl IntoIterator<Item = PeerId>) {
        if let Some(lookup) = self.providers.get_mut(query) {
            lookup.found.extend(peers.into_iter().filter_map(|peer| device_id(&peer)));
        }
    }

    /// The table has no more to say about providers; we are none of our own.
    pub(super) fn finish_providers(&mut self, query: &QueryId, me: &PeerId) {
        if let Some(mut lookup) = self.providers.remove(query) {
            if let Some(me) = device_id(me) {
                lookup.found.remove(&me);
            }
            let _ = lookup.reply.send(Ok(lookup.found.into_iter().collect()));
        }
    }

    /// The table has no more to say about addresses.
    pub(super) fn finish_addresses(&mut self, query: &QueryId) -> Option<AddressLookup> {
        self.addresses.remove(query)
    }
}
