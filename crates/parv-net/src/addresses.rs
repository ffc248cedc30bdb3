//! Where devices were last said to be.
//!
//! Hearsay from the local network, from identify and from the owner, kept for dialling; a wrong address costs a failed
//! attempt, no more, since a connection proves who is at its other end. Bounded: the peers heard of longest ago go.
//! The peers that were met, that is connected, are what a node asks its owner to keep over a restart.

use crate::limits::{MAX_ADDRESSES_PER_PEER, MAX_KNOWN_PEERS, MAX_REMEMBERED_PEERS};
use crate::peer::{device_id, peer_id};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use parv_model::DeviceId;
use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

/// A device that was met, for meeting it again after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPeer {
    /// Which device.
    pub device: DeviceId,
    /// Where it was said to be, the newest first; at most 16.
    pub addresses: Vec<Multiaddr>,
    /// Whether it serves the distributed table, so that others can be found through it.
    pub serves_table: bool,
    /// When it was connected last, in seconds since 1970.
    pub met: u64,
}

/// The addresses of peers.
pub(crate) struct AddressBook {
    peers: HashMap<PeerId, Entry>,
    /// The order in which peers were first heard of.
    order: VecDeque<PeerId>,
    capacity: usize,
}

#[derive(Default)]
struct Entry {
    addresses: VecDeque<Multiaddr>,
    serves_table: bool,
    /// When it was connected last, in seconds since 1970.
    met: Option<u64>,
}

impl Default for AddressBook {
    fn default() -> Self {
        Self { peers: HashMap::new(), order: VecDeque::new(), capacity: MAX_REMEMBERED_PEERS }
    }
}

impl AddressBook {
    /// Remembers an address; `/p2p/…` at its end is not needed. The newest stands first.
    pub(crate) fn add(&mut self, peer: PeerId, mut address: Multiaddr) {
        if matches!(address.iter().last(), Some(Protocol::P2p(_))) {
            address.pop();
        }
        if address.is_empty() {
            return;
        }
        if !self.peers.contains_key(&peer) {
            if self.peers.len() >= self.capacity
                && let Some(oldest) = self.order.pop_front()
            {
                self.peers.remove(&oldest);
            }
            self.order.push_back(peer);
        }
        let addresses = &mut self.peers.entry(peer).or_default().addresses;
        addresses.retain(|known| *known != address);
        addresses.push_front(address);
        addresses.truncate(MAX_ADDRESSES_PER_PEER);
    }

    /// Takes up what was kept over a restart. A damaged or forged list costs dials that fail.
    pub(crate) fn restore(&mut self, known: &KnownPeer) {
        let peer = peer_id(&known.device);
        for address in known.addresses.iter().take(MAX_ADDRESSES_PER_PEER).rev() {
            self.add(peer, address.clone());
        }
        if let Some(entry) = self.peers.get_mut(&peer) {
            (entry.serves_table, entry.met) = (known.serves_table, Some(known.met));
        }
    }

    /// A peer is connected, or was until now. One without an address is not worth remembering.
    pub(crate) fn met(&mut self, peer: &PeerId, now: u64) {
        if let Some(entry) = self.peers.get_mut(peer) {
            entry.met = Some(now);
        }
    }

    /// Whether a peer serves the distributed table.
    pub(crate) fn note_service(&mut self, peer: &PeerId, serves_table: bool) {
        if let Some(entry) = self.peers.get_mut(peer) {
            entry.serves_table = serves_table;
        }
    }

    /// The peers to remember over a restart: those met last come first.
    pub(crate) fn known(&self) -> Vec<KnownPeer> {
        let met = self.peers.iter().filter_map(|(peer, entry)| {
            let addresses = entry.addresses.iter().cloned().collect();
            let (device, met) = (device_id(peer)?, entry.met?);
            Some(KnownPeer { device, addresses, serves_table: entry.serves_table, met })
        });
        let mut known: Vec<_> = met.collect();
        known.sort_by_key(|peer| (std::cmp::Reverse(peer.met), peer.device));
        known.truncate(MAX_KNOWN_PEERS);
        known
    }

    /// The addresses of a peer, the newest first.
    pub(crate) fn of(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.peers.get(peer).map(|entry| entry.addresses.iter().cloned().collect()).unwrap_or_default()
    }
}

/// Whether an address that a peer gives for itself can be of use to us or others: one that only means something on its
/// own machine, or in its own network, only counts if the peer is seen there.
pub(crate) fn is_plausible(claimed: &Multiaddr, seen_at: &Multiaddr) -> bool {
    Scope::of(claimed) >= Scope::of(seen_at)
}

/// How far an address means the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// On one machine, or on one cable.
    Machine,
    /// In one network behind one router.
    Network,
    /// Anywhere.
    World,
}

impl Scope {
    fn of(address: &Multiaddr) -> Self {
        match address.iter().next() {
            Some(Protocol::Ip4(ip)) if ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() => Self::Machine,
            Some(Protocol::Ip4(ip)) if ip.is_private() || is_shared(ip) => Self::Network,
            Some(Protocol::Ip6(ip)) if ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified() => {
                Self::Machine
            }
            Some(Protocol::Ip6(ip)) if ip.is_unique_local() => Self::Network,
            Some(Protocol::Ip4(_) | Protocol::Ip6(_)) => Self::World,
            Some(Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_)) => Self::World,
            // Somebody who came through a relay, from wherever.
            Some(Protocol::P2p(_)) => Self::World,
            _ => Self::Machine,
        }
    }
}

/// The addresses between a provider's customers and its own router (RFC 6598).
fn is_shared(ip: Ipv4Addr) -> bool {
    ip.octets()[0] == 100 && ip.octets()[1] & 0b1100_0000 == 0b0100_0000
}

/// Which of its addresses a device tells everybody: those known to be reachable first, then those of its local network,
/// which serve its neighbours there; that machine's own only when it has no other.
pub(crate) fn worth_publishing(external: Vec<Multiaddr>, listening: Vec<Multiaddr>) -> Vec<Multiaddr> {
    let (own, reaching): (Vec<_>, Vec<_>) =
        listening.into_iter().partition(|address| Scope::of(address) == Scope::Machine);
    let mut addresses = external;
    for address in if addresses.is_empty() && reaching.is_empty() { own } else { reaching } {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses.truncate(MAX_ADDRESSES_PER_PEER);
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_newest_comes_first_and_few_are_kept() {
        let mut book = AddressBook { capacity: 2, ..Default::default() };
        let (a, b, c) = (PeerId::random(), PeerId::random(), PeerId::random());
        for port in 1..=20 {
            book.add(a, address(&format!("/ip4/10.0.0.1/tcp/{port}")));
        }
        book.add(a, address(&format!("/ip4/10.0.0.1/tcp/7/p2p/{a}")));
        assert_eq!(book.of(&a).len(), MAX_ADDRESSES_PER_PEER);
        assert_eq!(book.of(&a)[..2], [address("/ip4/10.0.0.1/tcp/7"), address("/ip4/10.0.0.1/tcp/20")]);
        book.add(b, address("/ip4/10.0.0.2/tcp/1"));
        book.add(c, address("/ip4/10.0.0.3/tcp/1"));
        assert!(book.of(&a).is_empty());
        assert_eq!((book.of(&b).len(), book.of(&c).len()), (1, 1));
        book.add(b, address(&format!("/p2p/{b}")));
        assert_eq!(book.of(&b).len(), 1);
    }

    #[test]
    fn who_was_met_comes_back_after_a_restart() {
        let mut book = AddressBook::default();
        let devices = [1, 2, 3].map(|seed| DeviceId::from_bytes([seed; 32]));
        for (device, now) in devices.iter().zip([30, 10, 20]) {
            for port in 1..=3 {
                book.add(peer_id(device), address(&format!("/ip4/10.0.0.1/tcp/{port}")));
            }
            book.met(&peer_id(device), now);
        }
        book.note_service(&peer_id(&devices[0]), true);
        book.add(PeerId::random(), address("/ip4/10.0.0.9/tcp/1"));
        book.met(&PeerId::random(), 99);
        let known = book.known();
        assert_eq!(known.iter().map(|peer| peer.met).collect::<Vec<_>>(), [30, 20, 10]);
        assert!(known[0].serves_table && !known[1].serves_table);
        let mut again = AddressBook::default();
        known.iter().for_each(|peer| again.restore(peer));
        assert_eq!(again.known(), known);
        assert_eq!(again.of(&peer_id(&devices[1])), book.of(&peer_id(&devices[1])));
    }

    #[test]
    fn what_reaches_furthest_is_published_first() {
        let publish = |external: &[&str], listening: &[&str]| {
            let parse = |all: &[&str]| all.iter().map(|text| address(text)).collect();
            worth_publishing(parse(external), parse(listening)).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let (own, home, world) = ("/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.2/tcp/1", "/ip4/203.0.113.1/tcp/1");
        assert_eq!(publish(&[world], &[own, home, world]), [world, home]);
        assert_eq!(publish(&[], &[own, home]), [home]);
        assert_eq!(publish(&[], &[own]), [own]);
        assert!(publish(&[], &[]).is_empty());
    }

    #[test]
    fn a_stranger_cannot_send_us_to_ourselves() {
        let far = address("/ip4/198.51.100.1/tcp/1");
        for local in ["/ip4/127.0.0.1/tcp/1", "/ip6/::1/udp/1/quic-v1", "/ip4/169.254.1.1/tcp/1", "/memory/1"] {
            assert!(!is_plausible(&address(local), &far), "{local}");
            assert!(is_plausible(&address(local), &address("/ip4/127.0.0.1/tcp/9")), "{local}");
        }
        for private in ["/ip4/192.168.1.2/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/100.64.0.1/tcp/1", "/ip6/fd00::1/tcp/1"]
        {
            assert!(!is_plausible(&address(private), &far), "{private}");
            assert!(is_plausible(&address(private), &address("/ip4/192.168.1.7/tcp/9")), "{private}");
        }
        let relayed = address(&format!("/p2p/{}", PeerId::random()));
        assert!(!is_plausible(&address("/ip4/127.0.0.1/tcp/1"), &relayed));
        assert!(is_plausible(&address("/dns4/example.org/tcp/1"), &far));
    }
}
