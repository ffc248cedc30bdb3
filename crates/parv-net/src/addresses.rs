//! Where devices were last said to be.
//!
//! Hearsay from the local network, from identify and from the owner, kept for dialling; a wrong address costs a failed
//! attempt, no more, since a connection proves who is at its other end. Bounded: the peers heard of longest ago go.

use crate::limits::{MAX_ADDRESSES_PER_PEER, MAX_REMEMBERED_PEERS};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::collections::{HashMap, VecDeque};

/// The addresses of peers.
pub(crate) struct AddressBook {
    peers: HashMap<PeerId, VecDeque<Multiaddr>>,
    /// The order in which peers were first heard of.
    order: VecDeque<PeerId>,
    capacity: usize,
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
        let addresses = self.peers.entry(peer).or_default();
        addresses.retain(|known| *known != address);
        addresses.push_front(address);
        addresses.truncate(MAX_ADDRESSES_PER_PEER);
    }

    /// The addresses of a peer, the newest first.
    pub(crate) fn of(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.peers.get(peer).into_iter().flatten().cloned().collect()
    }
}

/// Whether an address that a peer gives for itself can be of use to us or others: a loopback or link-local one only
/// counts if the peer itself is seen there.
pub(crate) fn is_plausible(claimed: &Multiaddr, seen_at: &Multiaddr) -> bool {
    !is_local(claimed) || is_local(seen_at)
}

fn is_local(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified(),
        Some(Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_)) => false,
        _ => true,
    }
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
    fn a_stranger_cannot_send_us_to_ourselves() {
        let far = address("/ip4/198.51.100.1/tcp/1");
        for local in ["/ip4/127.0.0.1/tcp/1", "/ip6/::1/udp/1/quic-v1", "/ip4/169.254.1.1/tcp/1", "/memory/1"] {
            assert!(!is_plausible(&address(local), &far), "{local}");
            assert!(is_plausible(&address(local), &address("/ip4/127.0.0.1/tcp/9")), "{local}");
        }
        assert!(is_plausible(&address("/dns4/example.org/tcp/1"), &far));
    }
}
