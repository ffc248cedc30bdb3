//! What the swarm tells.

use super::{Driver, Neighbour};
use crate::address_record;
use crate::addresses::is_plausible;
use crate::behaviour::{BehaviourEvent, KAD_PROTOCOL};
use crate::driver::lookups::Found;
use crate::event::{AnnouncementHandle, Event};
use crate::limits::{MAX_ADDRESSES_PER_PEER, MAX_ANNOUNCEMENT_BYTES};
use crate::peer::device_id;
use crate::streams::{Inbound, Protocol};
use crate::topic::Topic;
use crate::{git, message};
use libp2p::gossipsub::{self, MessageAcceptance};
use libp2p::kad::{
    self, GetClosestPeersError, GetClosestPeersOk, GetProvidersOk, GetRecordOk, K_VALUE, QueryId, QueryResult,
};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, identify, mdns, ping};
use std::time::{Duration, Instant};

/// How long to wait for more peers to join the routing table before publishing to them.
const SETTLE: Duration = Duration::from_millis(100);

impl Driver {
    pub(super) fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, num_established, .. } => {
                self.dials.succeeded(connection_id, peer_id);
                self.paths.opened(connection_id, &endpoint);
                let seen_at = endpoint.get_remote_address().clone();
                if endpoint.is_dialer() {
                    self.addresses.add(peer_id, seen_at.clone());
                }
                let neighbour = self
                    .neighbours
                    .entry(peer_id)
                    .or_insert_with(|| Neighbour { seen_at: seen_at.clone(), rejected: 0 });
                neighbour.seen_at = seen_at;
                self.addresses.met(&peer_id, address_record::now().as_secs());
                if num_established.get() == 1 {
                    self.on_arrival(peer_id);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.paths.closed(&connection_id);
                if num_established == 0 {
                    self.on_departure(peer_id);
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, peer_id, error } => {
                tracing::debug!(?peer_id, %error, "a dial failed");
                if let Some(peer) = peer_id.filter(|peer| self.swarm.is_connected(peer)) {
                    // Somebody else's connection came first.
                    self.dials.succeeded(connection_id, peer);
                } else if let Some(backoff) = peer_id.and_then(|peer| self.bootstrap.get_mut(&peer)) {
                    backoff.failed(Instant::now());
                }
                self.dials.failed(connection_id, &error);
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                self.note_listening();
                self.on_moved();
                self.outbox.tell(Event::Listening(self.with_me(address)));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.note_listening();
                for connection in self.paths.lost(&address) {
                    tracing::debug!(%address, "a connection ends with the address that it left from");
                    self.swarm.close_connection(connection);
                }
                self.on_moved();
            }
            SwarmEvent::ListenerClosed { .. } => {
                self.note_listening();
                self.on_moved();
            }
            SwarmEvent::ExternalAddrConfirmed { .. } | SwarmEvent::ExternalAddrExpired { .. } => {
                self.whereabouts.changed(Instant::now());
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "trouble with listening"),
            _ => {}
        }
    }

    /// This device is somewhere else: whoever could not be reached from where it was may be now.
    fn on_moved(&mut self) {
        let now = Instant::now();
        self.whereabouts.changed(now);
        self.bootstrap.values_mut().for_each(|backoff| backoff.hurry(now));
    }

    fn on_arrival(&mut self, peer: PeerId) {
        if let Some(backoff) = self.bootstrap.get_mut(&peer) {
            backoff.connected(Instant::now());
        }
        if let Some(device) = device_id(&peer) {
            self.connected.send_modify(|connected| {
                connected.insert(device);
            });
            self.outbox.tell(Event::Connected(device));
        }
    }

    fn on_departure(&mut self, peer: PeerId) {
        self.addresses.met(&peer, address_record::now().as_secs());
        self.neighbours.remove(&peer);
        self.places.tidy(|peer| self.swarm.is_connected(peer));
        if let Some(backoff) = self.bootstrap.get_mut(&peer) {
            backoff.failed(Instant::now());
        }
        if let Some(device) = device_id(&peer) {
            self.connected.send_modify(|connected| {
                connected.remove(&device);
            });
            self.outbox.tell(Event::Disconnected(device));
        }
    }

    fn note_listening(&mut self) {
        let addresses = self.swarm.listeners().map(|address| self.with_me(address.clone())).collect();
        self.listening.send_replace(addresses);
    }

    fn with_me(&self, address: Multiaddr) -> Multiaddr {
        let me = *self.swarm.local_peer_id();
        // Fails only for an address that ends in another peer's id, and those are not listened on.
        address.with_p2p(me).unwrap_or_else(|address| address)
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Streams(inbound) => self.on_stream(inbound),
            BehaviourEvent::Gossip(event) => self.on_gossip(event),
            BehaviourEvent::Kad(event) => self.on_kad(event),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.on_identify(peer_id, info)
            }
            BehaviourEvent::Ping(ping::Event { connection, result: Err(failure), peer })
                if !matches!(failure, ping::Failure::Unsupported) =>
            {
                tracing::debug!(%peer, %failure, "a connection is dead");
                self.swarm.close_connection(connection);
            }
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, address) in found {
                    self.addresses.add(peer, address);
                    if let Some(device) = device_id(&peer) {
                        self.outbox.offer(Event::Discovered(device));
                    }
                }
            }
            _ => {}
        }
    }

    fn on_stream(&mut self, Inbound { peer, protocol, stream }: Inbound) {
        let Some(device) = device_id(&peer) else { return };
        let place = self.places.take(peer, protocol);
        let events = self.outbox.sender();
        match (protocol, place) {
            (Protocol::Git, Some(place)) => {
                tokio::spawn(git::hear(device, stream, place, self.policy.clone(), events));
            }
            (Protocol::Git, None) => {
                tokio::spawn(git::turn_away(stream));
            }
            (Protocol::Message, Some(place)) => {
                tokio::spawn(message::take(device, stream, place, events));
            }
            (Protocol::Message, None) => tracing::debug!(%device, "too many messages at once"),
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source: relay, message_id: id, message } => {
                let topic = Topic::from_wire(&message.topic).filter(|topic| self.topics.contains(topic));
                let topic = topic.filter(|_| message.data.len() <= MAX_ANNOUNCEMENT_BYTES);
                let author = message.source.as_ref().and_then(device_id);
                let verdict = match (topic, author, device_id(&relay)) {
                    (Some(topic), Some(author), Some(relay_device)) => {
                        let handle = AnnouncementHandle { id: id.clone(), relay };
                        let data = message.data;
                        let event = Event::Announcement { topic, author, relay: relay_device, data, handle };
                        if self.outbox.offer(event) {
                            return;
                        }
                        tracing::debug!(%relay, "announcement dropped because events are not being read");
                        MessageAcceptance::Ignore
                    }
                    _ => MessageAcceptance::Ignore,
                };
                self.swarm.behaviour_mut().gossip.report_message_validation_result(&id, &relay, verdict);
            }
            gossipsub::Event::Subscribed { peer_id, topic, .. } => {
                let topic = Topic::from_wire(&topic).filter(|topic| self.topics.contains(topic));
                if let (Some(peer), Some(topic)) = (device_id(&peer_id), topic) {
                    self.outbox.tell(Event::Subscribed { peer, topic });
                }
            }
            gossipsub::Event::SlowPeer { peer_id, .. } => tracing::debug!(peer = %peer_id, "slow to take gossip"),
            _ => {}
        }
    }

    fn on_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::OutboundQueryProgressed { id, result, step, .. } => match result {
                QueryResult::GetProviders(result) => {
                    if let Ok(GetProvidersOk::FoundProviders { providers, .. }) = result {
                        self.lookups.found_providers(&id, providers);
                    }
                    if step.last {
                        self.lookups.finish_providers(&id, self.swarm.local_peer_id());
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
                    }
                }
                QueryResult::StartProviding(_) if step.last => {
                    self.publications.finished(&id);
                    self.publish_due();
                }
                _ => {}
            },
            kad::Event::RoutingUpdated { is_new_peer: true, .. } => {
                // In a table this small the newcomer is among the closest to every key.
                let known: usize = self.swarm.behaviour_mut().kad.kbuckets().map(|bucket| bucket.num_entries()).sum();
                if known <= K_VALUE.get() {
                    self.renewal = self.renewal.min(Instant::now() + SETTLE);
                    self.whereabouts.changed(Instant::now());
                }
            }
            _ => {}
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

    /// A connected peer says where it listens.
    fn on_identify(&mut self, peer: PeerId, info: identify::Info) {
        let Some(neighbour) = self.neighbours.get(&peer) else {
            return;
        };
        let seen_at = neighbour.seen_at.clone();
        let serves_table = info.protocols.contains(&KAD_PROTOCOL);
        let claimed = info.listen_addrs.into_iter().filter(|address| is_plausible(address, &seen_at));
        for address in claimed.take(MAX_ADDRESSES_PER_PEER) {
            if serves_table {
                self.swarm.behaviour_mut().kad.add_address(&peer, address.clone());
            }
            self.addresses.add(peer, address);
        }
        self.addresses.note_service(&peer, serves_table);
    }
}
