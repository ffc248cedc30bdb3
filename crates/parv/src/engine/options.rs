//! How an engine is run.

use parv_net::Multiaddr;
use parv_push::{Gateway, Reach};
use std::sync::Arc;
use std::time::Duration;

/// How an engine is run. The default is offline: only what needs nobody else works.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How to take part in the network; none: not at all.
    pub network: Option<Network>,
}

/// How to take part in the network.
#[derive(Debug, Clone)]
pub struct Network {
    /// Where to listen. Default: any port, QUIC and TCP, on all interfaces.
    pub listen: Vec<Multiaddr>,
    /// Nodes to begin with, each address ending in `/p2p/<peer id>`. Default: none.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether to look for others on the local network, and be found there. Default: yes.
    pub mdns: bool,
    /// Whether to ask the router of the local network to forward a port (UPnP). Default: no.
    pub port_mapping: bool,
    /// How long a peer that has stopped talking is waited for. Default: 10 seconds.
    pub patience: Duration,
    /// Which push services messages to sleeping devices are posted to. Default: those of the public internet.
    pub push_reach: Reach,
    /// What takes messages to sleeping devices. Default: Web Push.
    pub gateway: Option<Arc<dyn Gateway>>,
}

impl Default for Network {
    fn default() -> Self {
        let any = ["/ip4/0.0.0.0/udp/0/quic-v1", "/ip4/0.0.0.0/tcp/0"];
        Self {
            listen: any.iter().map(|address| address.parse().expect("a constant address is well-formed")).collect(),
            bootstrap: Vec::new(),
            mdns: true,
            port_mapping: false,
            patience: Duration::from_secs(10),
            push_reach: Reach::default(),
            gateway: None,
        }
    }
}
