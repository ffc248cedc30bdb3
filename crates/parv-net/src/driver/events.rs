//! What the swarm tells.

use super::Driver;
use super::paths::ip_in;
use super::relays::is_circuit;
use crate::address_record;
use crate::addresses::{is_plausible, worth_publishing};
use crate::behaviour::{BehaviourEvent, KAD_PROTOCOL};
use crate::event::Event;
use crate::limits::MAX_ADDRESSES_PER_PEER;
use crate::peer::device_id;
use crate::streams::{Inbound, Protocol};
use crate::telemetry::{Direction, Reason};
use crate::{git, message};
use libp2p::metrics::Recorder;
use libp2p::relay::HOP_PROTOCOL_NAME;
use libp2p::swarm::{ConnectionId, ListenError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, autonat, identify, mdns, ping};
use std::sync::Weak;
use std::time::Instant;

impl Driver {
    pub(super) fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        self.metrics.record(&event);
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, num_established, .. } => {
                self.dials.succeeded(connection_id, peer_id);
                self.paths.opened(connection_id, &endpoint);
                if endpoint.is_dialer() {
                    self.addresses.add(peer_id, endpoint.get_remote_address().clone());
                }
                self.neighbours.entry(peer_id).or_default().connections.insert(connection_id, endpoint);
                self.note_use(&peer_id, Weak::new());
                self.addresses.met(&peer_id, address_record::now().as_secs());
                if num_established.get() == 1 {
                    self.on_arrival(peer_id);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.paths.closed(&connection_id);
                if let Some(neighbour) = self.neighbours.get_mut(&peer_id) {
                    neighbour.connections.remove(&connection_id);
                }
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
                self.note_external();
                if !is_circuit(&address) {
                    self.on_moved();
                }
                self.outbox.tell(Event::Listening(self.with_me(address)));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.note_listening();
                self.note_external();
                for connection in self.paths.lost(&address) {
                    tracing::debug!(%address, "a connection ends with the address that it left from");
                    self.swarm.close_connection(connection);
                }
                if !is_circuit(&address) {
                    self.reach.forget();
                    self.on_moved();
                }
            }
            SwarmEvent::ListenerClosed { listener_id, .. } => {
                self.note_listening();
                self.whereabouts.changed(Instant::now());
                self.relays.lost(&listener_id, Instant::now());
            }
            SwarmEvent::ExternalAddrConfirmed { address } => {
                tracing::debug!(%address, "others reach this device here");
                self.reach.confirm(&address);
                self.whereabouts.changed(Instant::now());
                self.on_reach_changed();
            }
            SwarmEvent::ExternalAddrExpired { address } => {
                self.reach.expire(&address);
                self.whereabouts.changed(Instant::now());
                self.on_reach_changed();
            }
            SwarmEvent::IncomingConnectionError { error: ListenError::Denied { .. }, .. } => {
                self.telemetry.refused(Reason::Connection);
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "trouble with listening"),
            _ => {}
        }
    }

    /// This device is somewhere else: whoever could not be reached from where it was may be now.
    fn on_moved(&mut self) {
        let now = Instant::now();
        self.whereabouts.changed(now);
        self.collection.soon(now);
        self.bootstrap.values_mut().for_each(|backoff| backoff.hurry(now));
    }

    fn on_arrival(&mut self, peer: PeerId) {
        if let Some(backoff) = self.bootstrap.get_mut(&peer) {
            backoff.connected(Instant::now());
        }
        if self.neighbours.len() == 1 {
            self.collection.soon(Instant::now());
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
        self.relays.withdrawn(&peer);
        self.reach.unseen(&peer);
        self.on_reach_changed();
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

    /// A public node is where its owner says, or else wherever it listens.
    fn note_external(&mut self) {
        if self.service.is_none() {
            return;
        }
        let listening = self.swarm.listeners().cloned().collect();
        let said = self.external.clone();
        let external = if said.is_empty() { worth_publishing(Vec::new(), listening) } else { said };
        // The interfaces come one by one, this machine's own first.
        let before: Vec<_> = self.swarm.external_addresses().cloned().collect();
        for outdated in before.iter().filter(|address| !external.contains(address)) {
            self.reach.expire(outdated);
            self.swarm.remove_external_address(outdated);
        }
        for address in external {
            self.reach.confirm(&address);
            self.swarm.add_external_address(address);
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
            BehaviourEvent::Gossip(event) => {
                self.metrics.record(&event);
                self.on_gossip(event);
            }
            BehaviourEvent::Kad(event) => {
                self.metrics.record(&event);
                self.on_kad(event);
            }
            BehaviourEvent::Identify(event) => {
                self.metrics.record(&event);
                if let identify::Event::Received { connection_id, peer_id, info } = event {
                    self.on_identify(peer_id, connection_id, info);
                }
            }
            BehaviourEvent::AutonatClient(autonat::v2::client::Event { tested_addr, result: Err(error), .. }) => {
                tracing::debug!(address = %tested_addr, %error, "others do not reach this device here");
                if !is_circuit(&tested_addr) {
                    self.reach.tried_in_vain();
                    self.on_reach_changed();
                }
            }
            BehaviourEvent::Dcutr(event) => {
                self.metrics.record(&event);
                match event.result {
                    Ok(_) => tracing::debug!(peer = %event.remote_peer_id, "a hole was punched"),
                    Err(error) => tracing::debug!(peer = %event.remote_peer_id, %error, "no hole was punched"),
                }
            }
            BehaviourEvent::RelayServer(event) => {
                self.metrics.record(&event);
                if let Some(service) = &mut self.service {
                    service.note(&event);
                }
            }
            BehaviourEvent::Upnp(event) => tracing::debug!(?event, "the router about forwarding a port"),
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
        self.note_use(&peer, Weak::new());
        let place = self.places.take(peer, protocol);
        let (events, telemetry) = (self.outbox.sender(), self.telemetry.clone());
        telemetry.stream(protocol.name(), Direction::In);
        match (protocol, place) {
            (Protocol::Git, Some(place)) => {
                tokio::spawn(git::hear(device, stream, place, self.policy.clone(), events, telemetry));
            }
            (Protocol::Git, None) => {
                telemetry.refused(Reason::FetchBusy);
                tokio::spawn(git::turn_away(stream));
            }
            (Protocol::Message, Some(place)) => {
                tokio::spawn(message::take(device, stream, place, events, telemetry));
            }
            (Protocol::Message, None) => {
                telemetry.refused(Reason::MessageBusy);
                tracing::debug!(%device, "too many messages at once");
            }
        }
    }

    /// A connected peer says where it listens, what it speaks, and where it sees this device.
    fn on_identify(&mut self, peer: PeerId, connection: ConnectionId, info: identify::Info) {
        let Some(endpoint) = self.neighbours.get(&peer).and_then(|known| known.connections.get(&connection)) else {
            return;
        };
        let seen_at = endpoint.get_remote_address().clone();
        let (is_dialer, is_relayed) = (endpoint.is_dialer(), endpoint.is_relayed());
        let serves_table = info.protocols.contains(&KAD_PROTOCOL);
        let claimed = info.listen_addrs.into_iter().filter(|address| is_plausible(address, &seen_at));
        let claimed: Vec<_> = claimed.take(MAX_ADDRESSES_PER_PEER).collect();
        if !is_relayed {
            let own: Vec<_> = self.swarm.listeners().filter_map(ip_in).collect();
            self.reach.seen_at(peer, &info.observed_addr, own.into_iter());
            let reached_at = if is_dialer { Some(&seen_at) } else { claimed.first() };
            if let Some(address) = reached_at.filter(|_| info.protocols.contains(&HOP_PROTOCOL_NAME)) {
                self.relays.offered(peer, address.clone(), Instant::now());
            }
            self.on_reach_changed();
        }
        for address in claimed {
            if serves_table {
                self.swarm.behaviour_mut().kad.add_address(&peer, address.clone());
            }
            self.addresses.add(peer, address);
        }
        self.addresses.note_service(&peer, serves_table);
        let is_first =
            self.neighbours.get_mut(&peer).is_some_and(|known| !std::mem::replace(&mut known.identified, true));
        if is_first && serves_table {
            // It may have been in the table long before it could be reached.
            self.publish_to_newcomer();
        }
    }
}
