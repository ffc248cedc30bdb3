//! Which of this machine's addresses each connection leaves from, so that a connection ends at once when its address is
//! gone (another Wi-Fi, a cable pulled out) instead of when the peer has been silent for long.

use libp2p::Multiaddr;
use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Any port: nothing is sent there, the system only says which way it would go.
const ANY_PORT: u16 = 9;

/// The direct connections and the addresses that they leave from.
#[derive(Default)]
pub(super) struct Paths(HashMap<ConnectionId, IpAddr>);

impl Paths {
    /// A connection was made.
    pub(super) fn opened(&mut self, id: ConnectionId, endpoint: &ConnectedPoint) {
        if endpoint.is_relayed() {
            return; // it ends with the connection to the relay
        }
        if let Some(source) = ip_in(endpoint.get_remote_address()).and_then(source_towards) {
            self.0.insert(id, source);
        }
    }

    /// A connection has ended.
    pub(super) fn closed(&mut self, id: &ConnectionId) {
        self.0.remove(id);
    }

    /// An address is no longer this machine's: the connections that left from it.
    pub(super) fn lost(&mut self, address: &Multiaddr) -> Vec<ConnectionId> {
        let Some(lost) = ip_in(address) else { return Vec::new() };
        self.0.extract_if(|_, source| *source == lost).map(|(id, _)| id).collect()
    }
}

/// The IP address that an address begins with.
pub(super) fn ip_in(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

/// The address of this machine that packets to `remote` leave from now, if there is a way at all.
fn source_towards(remote: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match remote {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((remote, ANY_PORT)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::core::Endpoint;
    use libp2p::core::transport::PortUse;

    fn dialled(address: &str) -> ConnectedPoint {
        ConnectedPoint::Dialer {
            address: address.parse().unwrap(),
            role_override: Endpoint::Dialer,
            port_use: PortUse::Reuse,
        }
    }

    #[test]
    fn a_lost_address_takes_its_own_connections_with_it() {
        let mut paths = Paths::default();
        let [a, b, c] = [1, 2, 3].map(ConnectionId::new_unchecked);
        paths.opened(a, &dialled("/ip4/127.0.0.1/tcp/4001"));
        paths.opened(b, &dialled("/ip4/127.0.0.1/udp/4001/quic-v1"));
        paths.opened(c, &dialled("/dns4/example.org/tcp/4001"));
        paths.closed(&b);
        assert_eq!(paths.lost(&"/ip4/192.0.2.1/tcp/4001".parse().unwrap()), []);
        assert_eq!(paths.lost(&"/ip4/127.0.0.1/tcp/1".parse().unwrap()), [a]);
        assert_eq!(paths.lost(&"/ip4/127.0.0.1/tcp/1".parse().unwrap()), []);
    }
}
