//! The engine: an account at work.
use crate::{Account, Conversation, ConversationInfo, Error, Event, Peer, Request};
use parv_model::{ConversationId, DeviceId, Mode, Uri};
use parv_net::Multiaddr;
use std::path::Path;
use std::time::Duration;
use tokio::sync::broadcast;

/// How an engine is run. The default is offline: only what needs nobody else works.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How to take part in the network; none: not at all.
    pub network: Option<Network>,
}

/// How to take part in the network.
#[derive(Debug, Clone)]
pub struct Network {
    /// Where to listen.
    pub listen: Vec<Multiaddr>,
    /// Nodes to begin with, with their peer ids.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether to look for others on the local network.
    pub mdns: bool,
    /// How long a peer that has stopped talking is waited for. Default: 10 seconds.
    pub patience: Duration,
}

impl Default for Network {
    fn default() -> Self {
        let any = ["/ip4/0.0.0.0/udp/0/quic-v1", "/ip4/0.0.0.0/tcp/0"];
        Self {
            listen: any.iter().map(|address| address.parse().expect("a constant address is well-formed")).collect(),
            bootstrap: Vec::new(),
            mdns: true,
            patience: Duration::from_secs(10),
        }
    }
}

/// An account at work. Cheap to clone; all clones are the same engine.
#[derive(Debug, Clone)]
pub struct Engine {}

impl Engine {
    /// Opens every conversation of the account and, if asked to, starts its node. Must be called in a Tokio runtime.
    pub async fn start(account: Account, options: Options) -> Result<Self, Error> {
        let _ = (account, options);
        todo!()
    }
    /// The account's address.
    pub fn uri(&self) -> Uri {
        todo!()
    }
    /// This device.
    pub fn device_id(&self) -> DeviceId {
        todo!()
    }
    /// What others see as the author's name.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// The account's folder.
    pub fn folder(&self) -> &Path {
        todo!()
    }
    /// Where the node listens, each with its peer id. Empty without a network.
    pub fn addresses(&self) -> Vec<Multiaddr> {
        todo!()
    }
    /// What happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        todo!()
    }
    /// Connects to a node; done when it and this one have shown each other whose they are.
    pub async fn connect(&self, address: Multiaddr) -> Result<DeviceId, Error> {
        let _ = address;
        todo!()
    }
    /// The connected devices.
    pub fn peers(&self) -> Vec<Peer> {
        todo!()
    }
    /// Closes the connection to a device and takes and makes no other.
    pub async fn block(&self, device: DeviceId) -> Result<(), Error> {
        let _ = device;
        todo!()
    }
    /// Lets a blocked device connect again. The connection comes with the next [`Self::connect`], from either side.
    pub async fn unblock(&self, device: DeviceId) -> Result<(), Error> {
        let _ = device;
        todo!()
    }
    /// Begins a conversation; in mode `ONE_TO_ONE` with `invited` (nobody: with oneself).
    pub async fn create(&self, mode: Mode, invited: Option<Uri>) -> Result<Conversation, Error> {
        let _ = (mode, invited);
        todo!()
    }
    /// Every conversation, by id.
    pub fn conversations(&self) -> Vec<ConversationInfo> {
        todo!()
    }
    /// One conversation.
    pub fn conversation(&self, id: &ConversationId) -> Result<Conversation, Error> {
        let _ = id;
        todo!()
    }
    /// Invitations that wait for an answer, the oldest first.
    pub fn requests(&self) -> Vec<Request> {
        todo!()
    }
    /// Takes up an invitation: clones the conversation, judges all of it, joins. PUBLIC conversations need no request.
    pub async fn accept(&self, id: &ConversationId) -> Result<Conversation, Error> {
        let _ = id;
        todo!()
    }
    /// Forgets an invitation. Nobody is told.
    pub fn decline(&self, id: &ConversationId) -> Result<(), Error> {
        let _ = id;
        todo!()
    }
    /// Finishes what is being written, closes the network, releases the account.
    pub async fn shutdown(&self) {
        todo!()
    }
}
