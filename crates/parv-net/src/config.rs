//! What a node is told when it starts.

use crate::addresses::KnownPeer;
use crate::limits::IDLE_TIMEOUT;
use libp2p::Multiaddr;
use std::time::Duration;
use zeroize::Zeroizing;

/// How a node is set up. [`NodeConfig::new`] gives one that listens nowhere and knows nobody; set what differs.
#[derive(Clone)]
pub struct NodeConfig {
    /// The seed of the device's Ed25519 key, which is the node's identity.
    pub device_seed: Zeroizing<[u8; 32]>,
    /// Where to listen: `/ip4/…/tcp/…` or `/ip4/…/udp/…/quic-v1`, port 0 for any.
    pub listen: Vec<Multiaddr>,
    /// Peers to connect to at the start and to stay connected with, each ending in `/p2p/<peer id>`.
    pub bootstrap: Vec<Multiaddr>,
    /// Peers that an earlier node of this device met, from [`crate::Node::known_peers`]: ways into the distributed table
    /// besides the bootstrap peers.
    pub known: Vec<KnownPeer>,
    /// What an earlier node of this device kept for others, from [`crate::Node::kept_records`]; empty: nothing.
    pub kept: Vec<u8>,
    /// What to show of this device in its [`crate::AddressRecord`], which anybody can read; at most
    /// [`crate::limits::MAX_CREDENTIAL_BYTES`] bytes.
    pub credential: Vec<u8>,
    /// Whether to keep a part of the distributed table and answer others from it. A device that asks only is never
    /// called because of the table.
    pub serves_table: bool,
    /// Whether to look for peers on the local network, and to be found there.
    pub mdns: bool,
    /// Whether to ask the router of the local network to forward a port (UPnP).
    pub port_mapping: bool,
    /// Whether this is a public node, which others can reach from anywhere and which works for them: it relays
    /// connections (within limits) and tells others whether they can be reached. It has no conversations, so it takes
    /// neither git streams nor messages.
    pub public: bool,
    /// Where a public node is reached from anywhere. None: wherever it listens.
    pub external: Vec<Multiaddr>,
    /// After how long a connection that nothing uses is closed. Links and neighbours in a gossip mesh use theirs.
    pub idle_timeout: Duration,
    /// How many connections to have at most, in both directions together.
    pub max_connections: u32,
    /// Above how many bytes of the process's memory no more connections are made or taken.
    pub max_process_memory: usize,
}

impl NodeConfig {
    /// A node with this identity, every limit at its default.
    pub fn new(device_seed: [u8; 32]) -> Self {
        Self {
            device_seed: Zeroizing::new(device_seed),
            listen: Vec::new(),
            bootstrap: Vec::new(),
            known: Vec::new(),
            kept: Vec::new(),
            credential: Vec::new(),
            serves_table: true,
            mdns: false,
            port_mapping: false,
            public: false,
            external: Vec::new(),
            idle_timeout: IDLE_TIMEOUT,
            max_connections: 512,
            max_process_memory: 2 << 30,
        }
    }
}

/// Shows everything but the seed.
impl std::fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeConfig")
            .field("listen", &self.listen)
            .field("bootstrap", &self.bootstrap)
            .field("known", &self.known)
            .field("serves_table", &self.serves_table)
            .field("mdns", &self.mdns)
            .field("port_mapping", &self.port_mapping)
            .field("public", &self.public)
            .field("external", &self.external)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_connections", &self.max_connections)
            .field("max_process_memory", &self.max_process_memory)
            .finish_non_exhaustive()
    }
}
