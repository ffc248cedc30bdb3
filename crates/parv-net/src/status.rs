//! What a node can say of itself at any moment.

use crate::driver::Reachability;
use libp2p::Multiaddr;
use parv_model::DeviceId;

/// How a node stands in the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetStatus {
    /// Which device it is.
    pub device: DeviceId,
    /// Where it listens, relayed addresses included.
    pub listening: Vec<Multiaddr>,
    /// Where others reach it from anywhere, as far as is known.
    pub external: Vec<Multiaddr>,
    /// Whether others can reach it without help.
    pub reachability: Reachability,
    /// The relays at which it holds a place, or has asked for one.
    pub relays: Vec<DeviceId>,
    /// How many peers its routing table holds.
    pub table_peers: usize,
    /// How many provider records it keeps, its own included.
    pub provider_records: usize,
    /// How many address records it keeps, its own included.
    pub address_records: usize,
    /// How many letters it keeps, its own included.
    pub letters: usize,
    /// Every connection, ordered by device.
    pub connections: Vec<ConnectionStatus>,
    /// The bootstrap peers, and whether each is connected.
    pub bootstrap: Vec<(DeviceId, bool)>,
    /// What it does for others, if it is a public node.
    pub service: Option<ServiceStatus>,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionStatus {
    /// With whom.
    pub device: DeviceId,
    /// Where the device is seen.
    pub address: Multiaddr,
    /// Whether it leads through a relay.
    pub relayed: bool,
    /// Whether this node made it.
    pub outgoing: bool,
}

/// What a public node does for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServiceStatus {
    /// How many places devices hold.
    pub reservations: usize,
    /// How many connections are carried.
    pub circuits: usize,
}
