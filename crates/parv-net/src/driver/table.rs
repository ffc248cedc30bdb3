//! What the distributed table tells: answers to our questions, and what others want to be kept.

use super::Driver;
use super::lookups::Found;
use crate::kept;
use crate::limits::MAX_ADDRESSES_PER_PEER;
use crate::shelf::Origin;
use crate::table::NotKept;
use crate::telemetry::Reason;
use libp2p::PeerId;
use libp2p::kad::{
    self, GetClosestPeersError, GetClosestPeersOk, GetProvidersOk, GetRecordOk, InboundRequest, K_VALUE, QueryId,
    QueryResult,
};
use libp2p::swarm::ConnectionId;
use std::time::{Duration, Instant};

/// How long to wait for more peers to join the routing table before publishing to them.
const SETTLE: Duration = Duration::from_millis(100);

/// How long to wait before publishing again what could not be published.
const PUBLISH_AGAIN_AFTER: Duration = Duration::from_secs(60);

impl Driver {
    pub(super) fn on_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::OutboundQueryProgressed { id, result, stats, step } => match result {
                QueryResult::GetProviders(result) => {
                    if let Ok(GetProvidersOk::FoundProviders { providers, .. }) = result {
                        self.found_senders(&id, providers.iter().copied());
                        self.lookups.found_providers(&id, providers);
                    }
                    if step.last {
                        self.lookups.finish_providers(&id, self.swarm.local_peer_id());
                        self.collect_on(&id, stats.num_successes() > 0);
                    }
                }
                QueryResult::GetClosestPeers(result) => {
                    let (Ok(GetClosestPeersOk { peers, .. }) | Err(GetClosestPeersError::Timeout { peers, .. })) =
                        result;
                    if let Some(wanted) = self.lookups.wanted(&id) {
                        let found = peers.into_iter().filter(|info| info.peer_id == wanted);
                        let found = found.flat_map(|info| info.addrs).take(MAX_ADDRESSES_PER_PEER);
                        self.lookups.found_addresses(&id, found);
                    }
                    if step.last {
                        self.finish_search_query(&id);
                    }
                }
                QueryResult::GetRecord(result) => {
                    let mut over = step.last;
                    if let Ok(GetRecordOk::FoundRecord(found)) = &result {
                        self.found_letter(&id, &found.record);
                    }
                    if let Ok(GetRecordOk::FoundRecord(found)) = result
                        && self.lookups.found_record(&id, &found.record)
                    {
                        over = true;
                        if let Some(mut query) = self.swarm.behaviour_mut().kad.query_mut(&id) {
                            query.finish();
                        }
                    }
                    if over {
                        self.finish_search_query(&id);
                        self.collect_on(&id, stats.num_successes() > 0);
                    }
                }
                QueryResult::StartProviding(result) if step.last => self.on_publication_over(&id, result.is_ok()),
                QueryResult::PutRecord(Err(error)) if self.whereabouts.is_said_by(&id) => {
                    tracing::debug!(%error, "where this device is could not be said");
                    self.whereabouts.failed(Instant::now());
                }
                QueryResult::PutRecord(result) if step.last => self.on_publication_over(&id, result.is_ok()),
                _ => {}
            },
            kad::Event::RoutingUpdated { is_new_peer: true, .. } => {
                self.publish_to_newcomer();
            }
            kad::Event::InboundRequest {
                request: InboundRequest::PutRecord { source, connection, record: Some(record) },
            } => {
                let origin = self.origin(&source, Some(connection));
                let kept = self.swarm.behaviour_mut().kad.store_mut().take(record, source, origin);
                self.note_refusal(source, kept);
            }
            kad::Event::InboundRequest { request: InboundRequest::AddProvider { record: Some(record) } } => {
                // A peer names itself only; libp2p sees to that.
                let source = record.provider;
                let origin = self.origin(&source, None);
                let kept = self.swarm.behaviour_mut().kad.store_mut().take_provider(record, origin);
                self.note_refusal(source, kept);
            }
            _ => {}
        }
    }

    /// One more serves the table. In a small one, it is among the closest to every key.
    pub(super) fn publish_to_newcomer(&mut self) {
        let known: usize = self.swarm.behaviour_mut().kad.kbuckets().map(|bucket| bucket.num_entries()).sum();
        if known <= K_VALUE.get() {
            self.renewal = self.renewal.min(Instant::now() + SETTLE);
            self.whereabouts.changed(Instant::now());
            self.collection.soon(Instant::now());
        }
    }

    /// A query of a search is over. After the last one, remembers what was found: what the device itself says comes
    /// before what others say.
    fn finish_search_query(&mut self, query: &QueryId) {
        let Some(mut search) = self.lookups.finish_query(query) else { return };
        let before = self.addresses.of(&search.peer);
        for address in search.hearsay.drain(..) {
            self.addresses.add(search.peer, address);
        }
        for address in search.record.iter().flat_map(|record| record.addresses.iter().rev()) {
            self.addresses.add(search.peer, address.clone());
        }
        let addresses = self.addresses.of(&search.peer);
        let is_news = addresses.iter().any(|address| !before.contains(address));
        let record = search.record.take();
        search.answer(Found { addresses, is_news, record });
    }

    /// Puts back what was kept for others before a restart.
    pub(crate) fn restore(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let count = kept::read(bytes, self.swarm.behaviour_mut().kad.store_mut());
            tracing::info!("{count} records are kept on for others");
        }
    }

    /// A publication is over.
    fn on_publication_over(&mut self, query: &QueryId, done: bool) {
        let Some(one) = self.publications.finished(query) else { return };
        if !done {
            self.renewal = self.renewal.min(Instant::now() + PUBLISH_AGAIN_AFTER);
        }
        self.on_published(one, done);
        self.publish_due();
    }

    /// From where a peer is connected: by that connection, or by any.
    fn origin(&self, peer: &PeerId, connection: Option<ConnectionId>) -> Origin {
        let connections = self.neighbours.get(peer).map(|neighbour| &neighbour.connections);
        let endpoint = connections.and_then(|all| match connection {
            Some(id) => all.get(&id),
            None => all.values().next(),
        });
        endpoint.map_or(Origin::Elsewhere, |endpoint| Origin::of(endpoint.get_remote_address()))
    }

    fn note_refusal(&self, peer: PeerId, kept: Result<(), NotKept>) {
        let Err(refusal) = kept else { return };
        tracing::debug!(%peer, %refusal, "a record is not kept");
        self.telemetry.refused(match refusal {
            NotKept::Wrong(_) | NotKept::Secondhand | NotKept::Outdated => Reason::BadRecord,
            NotKept::EnoughProviders | NotKept::NoRoom(_) => Reason::RecordBeyondLimit,
        });
    }
}
