//! What the owner asks for.

use super::lookups::Found;
use super::service::Service;
use super::{Driver, dials};
use crate::NetError;
use crate::addresses::KnownPeer;
use crate::event::{Acceptance, AnnouncementHandle};
use crate::limits::MAX_OWN_KEYS;
use crate::mailbox::Purpose;
use crate::peer::{device_id, peer_id};
use crate::publications::Publication;
use crate::status::{ConnectionStatus, NetStatus};
use crate::streams::{self, Protocol};
use crate::table::Count;
use crate::telemetry::Direction;
use crate::topic::{Key, Topic};
use crate::{address_record, kept};
use libp2p::gossipsub::PublishError;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};
use parv_model::DeviceId;
use std::collections::BTreeSet;
use std::sync::Weak;
use tokio::sync::oneshot;

/// Where an answer goes. Sending it fails if nobody waits any more, which is no loss.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, NetError>>;

/// One thing that the owner asks for; [`crate::Node`] says what each means.
pub(crate) enum Command {
    AddAddress { peer: PeerId, address: Multiaddr },
    Dial { peer: PeerId, reply: Reply<DeviceId> },
    DialAddress { device: Option<DeviceId>, address: Multiaddr, reply: Reply<DeviceId> },
    Disconnect { peer: PeerId },
    Block { peer: PeerId },
    Unblock { peer: PeerId },
    Subscribe { topic: Topic, reply: Reply<()> },
    Unsubscribe { topic: Topic },
    Link { peers: BTreeSet<PeerId> },
    Publish { topic: Topic, data: Vec<u8>, reply: Reply<()> },
    Judge { handle: AnnouncementHandle, acceptance: Acceptance },
    Open { peer: PeerId, protocol: Protocol, in_use: Weak<()>, reply: streams::Reply },
    Provide { key: Key, reply: Reply<()> },
    StopProviding { key: Key },
    LeaveLetter { to: DeviceId, purpose: Purpose, body: Vec<u8>, reply: Reply<()> },
    WithdrawLetter { to: DeviceId, purpose: Purpose },
    Providers { key: Key, reply: Reply<Vec<DeviceId>> },
    Find { peer: PeerId, reply: Reply<Found> },
    Known { reply: Reply<Vec<KnownPeer>> },
    Kept { reply: Reply<Vec<u8>> },
    Status { reply: Reply<NetStatus> },
    Shutdown { stopped: oneshot::Sender<()> },
}

impl Driver {
    /// Does what was asked; told to stop, gives back whom to tell when that is done.
    pub(super) fn on_command(&mut self, command: Command) -> Option<oneshot::Sender<()>> {
        match command {
            Command::AddAddress { peer, address } => self.addresses.add(peer, address),
            Command::Dial { peer, reply } => self.dial(peer, reply),
            Command::DialAddress { device, address, reply } => self.dial_address(device, address, reply),
            Command::Disconnect { peer } => self.disconnect(peer),
            Command::Block { peer } => {
                self.swarm.behaviour_mut().blocked.block_peer(peer);
            }
            Command::Unblock { peer } => {
                self.swarm.behaviour_mut().blocked.unblock_peer(peer);
            }
            Command::Subscribe { topic, reply } => {
                let _ = reply.send(self.subscribe(topic));
            }
            Command::Unsubscribe { topic } => {
                self.topics.remove(&topic);
                self.swarm.behaviour_mut().gossip.unsubscribe(&topic.on_the_wire());
            }
            Command::Link { peers } => self.swarm.behaviour_mut().streams.link(peers),
            Command::Publish { topic, data, reply } => {
                let published = self.swarm.behaviour_mut().gossip.publish(topic.on_the_wire(), data);
                let _ = reply.send(published.map(drop).map_err(|error| match error {
                    PublishError::NoPeersSubscribedToTopic => NetError::NobodyListens(topic),
                    other => NetError::Publish(other),
                }));
            }
            Command::Judge { handle, acceptance } => self.judge(handle, acceptance),
            Command::Open { peer, protocol, in_use, reply } => {
                self.note_use(&peer, in_use);
                self.telemetry.stream(protocol.name(), Direction::Out);
                self.swarm.behaviour_mut().streams.open(peer, protocol, reply);
            }
            Command::Provide { key, reply } => {
                let _ = reply.send(self.provide(key));
            }
            Command::StopProviding { key } => {
                self.publications.remove(&Publication::Provider(key));
                self.swarm.behaviour_mut().kad.stop_providing(&key.record_key());
            }
            Command::LeaveLetter { to, purpose, body, reply } => self.leave_letter(to, purpose, body, reply),
            Command::WithdrawLetter { to, purpose } => self.withdraw_letter(to, purpose),
            Command::Providers { key, reply } => {
                let query = self.swarm.behaviour_mut().kad.get_providers(key.record_key());
                self.lookups.begin_providers(query, reply);
            }
            Command::Find { peer, reply } => {
                let kad = &mut self.swarm.behaviour_mut().kad;
                let own = device_id(&peer).map(|device| kad.get_record(Key::of_device(&device).record_key()));
                let known = kad.get_closest_peers(peer);
                self.lookups.begin_search(peer, own.into_iter().chain([known]), reply);
            }
            Command::Known { reply } => {
                let _ = reply.send(Ok(self.known_peers()));
            }
            Command::Kept { reply } => {
                let _ = reply.send(Ok(kept::write(self.swarm.behaviour_mut().kad.store_mut())));
            }
            Command::Status { reply } => {
                let status = self.status();
                let _ = reply.send(Ok(status));
            }
            Command::Shutdown { stopped } => return Some(stopped),
        }
        None
    }

    fn status(&mut self) -> NetStatus {
        let me = *self.swarm.local_peer_id();
        let connections = self.neighbours.iter().flat_map(|(peer, neighbour)| {
            let connections = neighbour.connections.values();
            connections.filter_map(|endpoint| {
                Some(ConnectionStatus {
                    device: device_id(peer)?,
                    address: endpoint.get_remote_address().clone(),
                    relayed: endpoint.is_relayed(),
                    outgoing: endpoint.is_dialer(),
                })
            })
        });
        let mut connections: Vec<_> = connections.collect();
        connections.sort();
        let bootstrap =
            self.bootstrap.keys().filter_map(|peer| Some((device_id(peer)?, self.swarm.is_connected(peer))));
        let mut bootstrap: Vec<_> = bootstrap.collect();
        bootstrap.sort();
        let (listening, external) =
            (self.listening.borrow().clone(), self.swarm.external_addresses().cloned().collect());
        let kad = &mut self.swarm.behaviour_mut().kad;
        let Count { provider_records, address_records, letters } = kad.store_mut().count();
        NetStatus {
            device: device_id(&me).expect("this node's key is an Ed25519 key"),
            listening,
            external,
            reachability: self.reach.verdict(),
            relays: self.relays.used(),
            table_peers: kad.kbuckets().map(|bucket| bucket.num_entries()).sum(),
            provider_records,
            address_records,
            letters,
            connections,
            bootstrap,
            service: self.service.as_ref().map(Service::status),
        }
    }

    fn known_peers(&mut self) -> Vec<KnownPeer> {
        let now = address_record::now().as_secs();
        for peer in self.neighbours.keys() {
            self.addresses.met(peer, now);
        }
        self.addresses.known()
    }

    fn dial(&mut self, peer: PeerId, reply: Reply<DeviceId>) {
        let Some(reply) = self.dial_is_needed(peer, reply) else {
            return;
        };
        let Err(reply) = self.dials.join(peer, reply) else {
            return;
        };
        let options = dials::options(peer, self.addresses.of(&peer));
        let target = device_id(&peer).map_or_else(|| peer.to_string(), |device| format!("device {device}"));
        self.begin_dial(options, Some(peer), target, reply);
    }

    fn dial_address(&mut self, device: Option<DeviceId>, address: Multiaddr, reply: Reply<DeviceId>) {
        let target = address.to_string();
        let Some(device) = device else {
            return self.begin_dial(DialOpts::unknown_peer_id().address(address).build(), None, target, reply);
        };
        let peer = peer_id(&device);
        let Some(reply) = self.dial_is_needed(peer, reply) else {
            return;
        };
        let options = DialOpts::peer_id(peer).condition(PeerCondition::Disconnected).addresses(vec![address]).build();
        self.begin_dial(options, Some(peer), target, reply);
    }

    /// Answers at once what needs no dial, and gives the reply back otherwise.
    fn dial_is_needed(&mut self, peer: PeerId, reply: Reply<DeviceId>) -> Option<Reply<DeviceId>> {
        let answer = match device_id(&peer) {
            _ if peer == *self.swarm.local_peer_id() => Err(NetError::Myself),
            Some(device) if self.swarm.is_connected(&peer) => Ok(device),
            Some(device) if self.swarm.behaviour().blocked.blocked_peers().contains(&peer) => {
                Err(NetError::Blocked(device))
            }
            _ => return Some(reply),
        };
        let _ = reply.send(answer);
        None
    }

    fn begin_dial(&mut self, options: DialOpts, peer: Option<PeerId>, target: String, reply: Reply<DeviceId>) {
        let id = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => self.dials.begin(id, peer, target, reply),
            Err(error) => {
                let _ = reply.send(Err(dials::refusal(peer, target, &error)));
            }
        }
    }

    pub(super) fn disconnect(&mut self, peer: PeerId) {
        // An error says that it is not connected, which is what was asked for.
        let _ = self.swarm.disconnect_peer_id(peer);
    }

    fn provide(&mut self, key: Key) -> Result<(), NetError> {
        let one = Publication::Provider(key);
        if !self.publications.contains(&one) && self.publications.len() >= MAX_OWN_KEYS {
            return Err(NetError::TooManyKeys(MAX_OWN_KEYS));
        }
        self.publications.add(one);
        self.publish_due();
        Ok(())
    }

    /// Publishes what is due, as far as not too much is being published already.
    pub(super) fn publish_due(&mut self) {
        while let Some(one) = self.publications.next() {
            let started = match one {
                Publication::Provider(key) => {
                    self.swarm.behaviour_mut().kad.start_providing(key.record_key()).map_err(|error| {
                        tracing::warn!(?key, %error, "cannot provide a key");
                    })
                }
                Publication::Letter(key) => self.publish_letter(key).ok_or(()),
            };
            if let Ok(query) = started {
                self.publications.started(query, one);
            }
        }
    }
}
