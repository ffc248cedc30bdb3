//! Relays: other nodes that carry connections to a device which nobody can reach directly (circuit relay v2).
//!
//! A device that seems to be behind a router reserves a place at a few of the relays it is connected with; whoever dials
//! its circuit address comes through there, and the two then try to punch a hole (DCUtR). The relay sees ciphertext only:
//! inside the circuit the two ends shake hands as on any other connection. A device that is reachable gives its places
//! back.

use super::Driver;
use super::paths::ip_in;
use crate::limits::MAX_RESERVATIONS;
use crate::peer::device_id;
use crate::redial::Backoff;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, kad};
use parv_model::DeviceId;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Instant;

/// Whether others can reach this device without help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reachability {
    /// Nobody has tried yet.
    #[default]
    Unknown,
    /// Somebody has reached it at an address that it published, or a router forwards to it.
    Public,
    /// Who tried did not reach it.
    Private,
}

/// What is known of the own reachability.
#[derive(Default)]
pub(super) struct Reach {
    /// The addresses that were found reachable, without relays.
    confirmed: Vec<Multiaddr>,
    /// Whether an address was tried in vain.
    failed: bool,
    /// The peers that see this device at an address that is not its own: a router translates.
    translated_for: HashSet<PeerId>,
}

impl Reach {
    pub(super) fn confirm(&mut self, address: &Multiaddr) {
        if !is_circuit(address) && !self.confirmed.contains(address) {
            self.confirmed.push(address.clone());
        }
    }

    pub(super) fn expire(&mut self, address: &Multiaddr) {
        self.confirmed.retain(|known| known != address);
    }

    pub(super) fn tried_in_vain(&mut self) {
        self.failed = true;
    }

    /// A peer sees this device at `observed`, and it has these addresses of its own.
    pub(super) fn seen_at(&mut self, peer: PeerId, observed: &Multiaddr, mut own: impl Iterator<Item = IpAddr>) {
        let Some(observed) = ip_in(observed).filter(|ip| !ip.is_loopback()) else { return };
        if own.any(|ip| ip == observed) {
            self.translated_for.remove(&peer);
        } else {
            self.translated_for.insert(peer);
        }
    }

    /// A peer is gone, and what it saw with it.
    pub(super) fn unseen(&mut self, peer: &PeerId) {
        self.translated_for.remove(peer);
    }

    /// The device is in another network: nothing is known.
    pub(super) fn forget(&mut self) {
        self.failed = false;
        self.translated_for.clear();
    }

    pub(super) fn verdict(&self) -> Reachability {
        match (self.confirmed.is_empty(), self.failed) {
            (false, _) => Reachability::Public,
            (true, true) => Reachability::Private,
            (true, false) => Reachability::Unknown,
        }
    }

    /// Whether help is needed to be reached. Before anybody has tried, a router in between is reason enough.
    pub(super) fn needs_relay(&self) -> bool {
        self.confirmed.is_empty() && (self.failed || !self.translated_for.is_empty())
    }
}

/// The relays that are connected, and the places at them.
#[derive(Default)]
pub(super) struct Relays {
    /// The relays at hand, each with the address at which it was dialled.
    offers: BTreeMap<PeerId, Offer>,
    /// The listeners that hold or ask for a place.
    places: HashMap<ListenerId, PeerId>,
}

struct Offer {
    address: Multiaddr,
    backoff: Backoff,
}

impl Relays {
    /// A connected peer relays for others.
    pub(super) fn offered(&mut self, peer: PeerId, address: Multiaddr, now: Instant) {
        self.offers.entry(peer).or_insert_with(|| Offer { address, backoff: Backoff::new(now) });
    }

    /// It is gone, or relays no more.
    pub(super) fn withdrawn(&mut self, peer: &PeerId) {
        self.offers.remove(peer);
    }

    /// The place is lost, or was not given.
    pub(super) fn lost(&mut self, listener: &ListenerId, now: Instant) {
        if let Some(peer) = self.places.remove(listener)
            && let Some(offer) = self.offers.get_mut(&peer)
        {
            offer.backoff.failed(now);
        }
    }

    /// The devices at which a place is held or asked for.
    pub(super) fn used(&self) -> Vec<DeviceId> {
        let mut used: Vec<_> = self.peers().filter_map(device_id).collect();
        used.sort();
        used
    }

    /// The peers at which a place is held or was asked for.
    pub(super) fn peers(&self) -> impl Iterator<Item = &PeerId> {
        self.places.values()
    }

    /// Where to ask for a place now.
    fn next(&mut self, now: Instant) -> Option<(PeerId, Multiaddr)> {
        if self.places.len() >= MAX_RESERVATIONS {
            return None;
        }
        let is_due = |offer: &Offer| offer.backoff.due().is_some_and(|due| due <= now);
        let (peer, offer) = self.offers.iter_mut().find(|(_, offer)| is_due(offer))?;
        offer.backoff.dialling();
        Some((*peer, offer.address.clone()))
    }

    /// When there is a relay to ask again.
    fn due(&self) -> Option<Instant> {
        match self.places.len() < MAX_RESERVATIONS {
            true => self.offers.values().filter_map(|offer| offer.backoff.due()).min(),
            false => None,
        }
    }
}

impl Driver {
    /// When to look after places at relays.
    pub(super) fn relays_due(&self) -> Option<Instant> {
        self.reach.needs_relay().then(|| self.relays.due()).flatten()
    }

    /// What is known of the reachability may have changed.
    pub(super) fn on_reach_changed(&mut self) {
        // Whoever cannot be reached would be a hole in everybody else's table.
        let serves = self.serves_table && !self.reach.needs_relay();
        let mode = if serves { kad::Mode::Server } else { kad::Mode::Client };
        if self.swarm.behaviour().kad.mode() != mode {
            self.swarm.behaviour_mut().kad.set_mode(Some(mode));
        }
        self.look_after_relays();
    }

    /// Asks for places at relays if they are needed, and gives them back if not.
    pub(super) fn look_after_relays(&mut self) {
        if !self.reach.needs_relay() {
            for listener in std::mem::take(&mut self.relays.places).into_keys() {
                self.swarm.remove_listener(listener);
            }
            let now = Instant::now();
            self.relays.offers.values_mut().for_each(|offer| offer.backoff = Backoff::new(now));
            return;
        }
        let now = Instant::now();
        while let Some((relay, address)) = self.relays.next(now) {
            match self.swarm.listen_on(circuit_through(address, relay)) {
                Ok(listener) => drop(self.relays.places.insert(listener, relay)),
                Err(error) => {
                    tracing::debug!(%relay, %error, "cannot ask for a place at a relay");
                    if let Some(offer) = self.relays.offers.get_mut(&relay) {
                        offer.backoff.failed(now);
                    }
                }
            }
        }
    }
}

/// The address at which a relay at `address` gives places.
fn circuit_through(address: Multiaddr, relay: PeerId) -> Multiaddr {
    let address = address.with_p2p(relay).unwrap_or_else(|address| address);
    address.with(Protocol::P2pCircuit)
}

/// Whether an address leads through a relay.
pub(crate) fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_router_in_between_is_reason_enough_for_a_relay_until_somebody_comes_through() {
        let own = || [IpAddr::from([192, 168, 1, 2])].into_iter();
        let mut reach = Reach::default();
        assert_eq!((reach.verdict(), reach.needs_relay()), (Reachability::Unknown, false));
        let (near, far) = (PeerId::random(), PeerId::random());
        reach.seen_at(near, &address("/ip4/192.168.1.2/tcp/4001"), own());
        reach.seen_at(near, &address("/ip4/127.0.0.1/tcp/4001"), own());
        assert!(!reach.needs_relay());
        reach.seen_at(far, &address("/ip4/203.0.113.1/tcp/4001"), own());
        reach.seen_at(near, &address("/ip4/192.168.1.2/tcp/4001"), own());
        assert!(reach.needs_relay());
        reach.unseen(&far);
        assert!(!reach.needs_relay());
        reach.seen_at(far, &address("/ip4/203.0.113.1/tcp/4001"), own());
        assert_eq!((reach.verdict(), reach.needs_relay()), (Reachability::Unknown, true));
        reach.tried_in_vain();
        assert_eq!((reach.verdict(), reach.needs_relay()), (Reachability::Private, true));
        let circuit = format!("/ip4/198.51.100.1/tcp/1/p2p/{}/p2p-circuit", PeerId::random());
        reach.confirm(&address(&circuit));
        assert!(reach.needs_relay());
        reach.confirm(&address("/ip4/203.0.113.1/tcp/4001"));
        assert_eq!((reach.verdict(), reach.needs_relay()), (Reachability::Public, false));
        reach.expire(&address("/ip4/203.0.113.1/tcp/4001"));
        assert!(reach.needs_relay());
        reach.forget();
        assert_eq!((reach.verdict(), reach.needs_relay()), (Reachability::Unknown, false));
    }

    #[test]
    fn a_relay_that_refuses_is_asked_again_later_and_only_few_are_used() {
        let now = Instant::now();
        let mut relays = Relays::default();
        let peers: Vec<_> = (0..MAX_RESERVATIONS + 2).map(|_| PeerId::random()).collect();
        for peer in &peers {
            relays.offered(*peer, address("/ip4/198.51.100.1/tcp/1"), now);
        }
        for number in 0..MAX_RESERVATIONS {
            let (peer, _) = relays.next(now).unwrap();
            relays.places.insert(ListenerId::next(), peer);
            assert_eq!(relays.places.len(), number + 1);
        }
        assert!(relays.next(now).is_none() && relays.due().is_none());
        let (listener, lost) = relays.places.iter().map(|(listener, peer)| (*listener, *peer)).next().unwrap();
        relays.lost(&listener, now);
        let (other, _) = relays.next(now).unwrap();
        assert_ne!(other, lost);
        relays.withdrawn(&other);
        peers.iter().filter(|peer| **peer != lost).for_each(|peer| relays.withdrawn(peer));
        assert!(relays.next(now).is_none());
        assert!(relays.due().is_some_and(|due| due > now));
    }
}
