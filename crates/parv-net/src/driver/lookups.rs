//! Questions to the distributed table that somebody waits for.

use super::Reply;
use crate::address_record::{self, AddressRecord};
use crate::limits::{ENOUGH_COPIES, LOOKUP_TIMEOUT};
use crate::peer::device_id;
use libp2p::kad::{QueryId, Record};
use libp2p::{Multiaddr, PeerId};
use parv_model::DeviceId;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Instant;

/// The lookups that are under way.
#[derive(Default)]
pub(super) struct Lookups {
    providers: HashMap<QueryId, ProvidersLookup>,
    /// The queries of searches: one for the device's own record, one for those who know it.
    queries: HashMap<QueryId, usize>,
    searches: HashMap<usize, Search>,
    next: usize,
    /// When each query must come to an end, the earliest first.
    deadlines: VecDeque<(Instant, QueryId)>,
}

struct ProvidersLookup {
    found: BTreeSet<DeviceId>,
    reply: Reply<Vec<DeviceId>>,
}

/// A search for a device.
pub(super) struct Search {
    pub(super) peer: PeerId,
    reply: Reply<Found>,
    /// How many of its queries have not ended.
    open: usize,
    /// What others say.
    pub(super) hearsay: Vec<Multiaddr>,
    /// What the device says itself: the record issued last.
    pub(super) record: Option<AddressRecord>,
    copies: usize,
}

/// What is known of a device after a search.
#[derive(Debug)]
pub(crate) struct Found {
    /// All its addresses.
    pub(crate) addresses: Vec<Multiaddr>,
    /// Whether the search brought one that was not known.
    pub(crate) is_news: bool,
    /// What it says of itself, if the table had it.
    pub(crate) record: Option<AddressRecord>,
}

impl Search {
    pub(super) fn answer(self, found: Found) {
        let _ = self.reply.send(Ok(found));
    }
}

impl Lookups {
    pub(super) fn begin_providers(&mut self, query: QueryId, reply: Reply<Vec<DeviceId>>) {
        self.deadlines.push_back((Instant::now() + LOOKUP_TIMEOUT, query));
        self.providers.insert(query, ProvidersLookup { found: BTreeSet::new(), reply });
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

    /// A search has begun, with these queries.
    pub(super) fn begin_search(
        &mut self,
        peer: PeerId,
        queries: impl IntoIterator<Item = QueryId>,
        reply: Reply<Found>,
    ) {
        let number = self.next;
        self.next += 1;
        let before = self.queries.len();
        for query in queries {
            self.deadlines.push_back((Instant::now() + LOOKUP_TIMEOUT, query));
            self.queries.insert(query, number);
        }
        let open = self.queries.len() - before;
        let search = Search { peer, reply, open, hearsay: Vec::new(), record: None, copies: 0 };
        self.searches.insert(number, search);
    }

    /// When a query must come to an end with what it has found.
    pub(super) fn due(&self) -> Option<Instant> {
        self.deadlines.front().map(|(due, _)| *due)
    }

    /// The queries whose time is over.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<QueryId> {
        let mut overdue = Vec::new();
        while self.due().is_some_and(|due| due <= now) {
            let Some((_, query)) = self.deadlines.pop_front() else { break };
            if self.providers.contains_key(&query) || self.queries.contains_key(&query) {
                overdue.push(query);
            }
        }
        overdue
    }

    /// Whom a query is about.
    pub(super) fn wanted(&self, query: &QueryId) -> Option<PeerId> {
        Some(self.searches.get(self.queries.get(query)?)?.peer)
    }

    /// Others named addresses.
    pub(super) fn found_addresses(&mut self, query: &QueryId, addresses: impl IntoIterator<Item = Multiaddr>) {
        if let Some(search) = self.queries.get(query).and_then(|number| self.searches.get_mut(number)) {
            search.hearsay.extend(addresses);
        }
    }

    /// Somebody gave what should be the device's record. True when there are enough copies.
    pub(super) fn found_record(&mut self, query: &QueryId, record: &Record) -> bool {
        let Some(search) = self.queries.get(query).and_then(|number| self.searches.get_mut(number)) else {
            return false;
        };
        match AddressRecord::open(&record.value, record.key.as_ref(), address_record::now()) {
            Ok(read) => {
                search.copies += 1;
                if search.record.as_ref().is_none_or(|known| known.issued < read.issued) {
                    search.record = Some(read);
                }
            }
            Err(error) => tracing::debug!(peer = %search.peer, %error, "a false address record was given"),
        }
        search.copies >= ENOUGH_COPIES
    }

    /// A query has ended. The search, if it was its last.
    pub(super) fn finish_query(&mut self, query: &QueryId) -> Option<Search> {
        let number = self.queries.remove(query)?;
        let search = self.searches.get_mut(&number)?;
        search.open -= 1;
        if search.open > 0 {
            return None;
        }
        self.searches.remove(&number)
    }
}
