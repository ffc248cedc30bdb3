//! The test bench: nodes, waiting for events, and a stranger that speaks the wire by hand.

use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::swarm::{Stream, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, SwarmBuilder, tcp, tls, yamux};
use parv_model::{CommitId, ConversationId, DeviceId};
use parv_net::{Event, Letter, Node, NodeConfig, Policy, device_id, peer_id};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// After this long a test is taken to hang.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A node and its events.
pub struct Peer {
    pub node: Node,
    pub events: mpsc::Receiver<Event>,
}

/// Lets everybody have the conversation that [`open_conversation`] names, and nobody any other.
struct OneIsOpen;

impl Policy for OneIsOpen {
    fn may_fetch(&self, _: &DeviceId, conversation: &ConversationId) -> bool {
        *conversation == open_conversation()
    }
}

/// Lets nobody have anything.
pub struct NothingIsOpen;

impl Policy for NothingIsOpen {
    fn may_fetch(&self, _: &DeviceId, _: &ConversationId) -> bool {
        false
    }
}

pub fn open_conversation() -> ConversationId {
    ConversationId::new(CommitId::from_bytes([1; 20]))
}

pub fn closed_conversation() -> ConversationId {
    ConversationId::new(CommitId::from_bytes([2; 20]))
}

pub fn seed() -> [u8; 32] {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    seed
}

/// A configuration that listens on TCP and QUIC on this machine.
pub fn config() -> NodeConfig {
    let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
    NodeConfig { listen: listen.map(|address| address.parse().unwrap()).to_vec(), ..NodeConfig::new(seed()) }
}

pub async fn start(config: NodeConfig) -> Peer {
    let (node, events) = Node::start(config, Arc::new(OneIsOpen)).await.unwrap();
    Peer { node, events }
}

pub async fn peer() -> Peer {
    start(config()).await
}

/// A node that knows only this one.
pub async fn newcomer(known: &Peer) -> Peer {
    let mut peer = start(NodeConfig { bootstrap: vec![known.address("/tcp/")], ..config() }).await;
    peer.wait_connected(known.device()).await;
    peer
}

/// A public node, which keeps letters for others.
pub async fn keeper() -> Peer {
    start(NodeConfig { public: true, ..config() }).await
}

/// Somebody who is not there: how to start their node, knowing only this one, and their id.
pub fn absent(known: &Peer) -> (NodeConfig, DeviceId) {
    let config = NodeConfig { bootstrap: vec![known.address("/tcp/")], ..config() };
    let key = Keypair::ed25519_from_bytes(config.device_seed.clone()).unwrap();
    (config, device_id(&key.public().to_peer_id()).unwrap())
}

/// The next letter that it finds.
pub async fn next_letter(peer: &mut Peer) -> Letter {
    peer.wait(|event| match event {
        Event::Letter(letter) => Some(letter),
        _ => None,
    })
    .await
}

impl Peer {
    pub fn device(&self) -> DeviceId {
        self.node.device_id()
    }

    /// The address over that transport, `/tcp/` or `/quic-v1`.
    pub fn address(&self, transport: &str) -> Multiaddr {
        let addresses = self.node.listen_addresses();
        addresses.into_iter().find(|address| address.to_string().contains(transport)).unwrap()
    }

    /// Reads events until one is what is waited for.
    pub async fn wait<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the node has stopped");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("the event did not come")
    }

    pub async fn wait_connected(&mut self, device: DeviceId) {
        self.wait(|event| matches!(event, Event::Connected(other) if other == device).then_some(())).await;
    }

    pub async fn wait_disconnected(&mut self, device: DeviceId) {
        self.wait(|event| matches!(event, Event::Disconnected(other) if other == device).then_some(())).await;
    }
}

/// Connects one to the other over TCP; both have seen it.
pub async fn connect(a: &mut Peer, b: &mut Peer) {
    a.node.dial_address(b.address("/tcp/")).await.unwrap();
    let (device_a, device_b) = (a.device(), b.device());
    tokio::join!(a.wait_connected(device_b), b.wait_connected(device_a));
}

/// Waits until a peer knows that a device follows a topic of its own.
pub async fn subscribed(peer: &mut Peer, device: DeviceId) {
    peer.wait(|event| matches!(event, Event::Subscribed { peer, .. } if peer == device).then_some(())).await;
}

/// Another libp2p implementation of our wire: streams by hand, nothing else.
pub struct Stranger {
    peer: PeerId,
    control: libp2p_stream::Control,
}

/// A stranger that is connected to this node, over TLS as it does not know Noise.
pub async fn stranger(peer: &Peer) -> Stranger {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), tls::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| libp2p_stream::Behaviour::new())
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build();
    swarm.dial(peer.address("/tcp/")).unwrap();
    let control = swarm.behaviour().new_control();
    let connected = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionEstablished { .. } => return,
                SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
    };
    timeout(PATIENCE, connected).await.unwrap();
    tokio::spawn(async move { while swarm.next().await.is_some() {} });
    Stranger { peer: peer_id(&peer.device()), control }
}

impl Stranger {
    pub async fn open(&mut self, protocol: &'static str) -> Stream {
        self.control.open_stream(self.peer, StreamProtocol::new(protocol)).await.unwrap()
    }
}
