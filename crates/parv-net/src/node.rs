//! The handle of a node: what its owner can ask of it.

use crate::address_record::AddressRecord;
use crate::addresses::KnownPeer;
use crate::behaviour;
use crate::config::NodeConfig;
use crate::driver::{Command, Driver, Reply, Setup};
use crate::envelope::Envelope;
use crate::event::{Acceptance, AnnouncementHandle, Event};
use crate::git::{self, GitStream};
use crate::limits::{
    COMMAND_QUEUE, DIAL_TIMEOUT, EVENT_QUEUE, FIRST_FRAME_TIMEOUT, LISTEN_TIMEOUT, MAX_ANNOUNCEMENT_BYTES,
    MAX_CREDENTIAL_BYTES, OTHERS_TURN,
};
use crate::linking;
use crate::links::{Followers, by_distance};
use crate::mailbox::{Purpose, SealingKey};
use crate::peer::{device_id, device_in, peer_id};
use crate::status::NetStatus;
use crate::streams::Protocol;
use crate::telemetry::Telemetry;
use crate::topic::{Key, Topic};
use crate::{NetError, message};
use libp2p::identity::Keypair;
use libp2p::metrics::Metrics;
use libp2p::{Multiaddr, Stream};
use parv_model::{ConversationId, DeviceId};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

/// Who may have what.
pub trait Policy: Send + Sync + 'static {
    /// Whether this device may fetch this conversation. Asked before a git stream is handed up, on the runtime's
    /// threads: it must be quick and must not wait. False for a conversation that is not there.
    fn may_fetch(&self, peer: &DeviceId, conversation: &ConversationId) -> bool;
}

/// A running node. Clones are handles of the same node; it stops when the last one is dropped, or at
/// [`Node::shutdown`].
#[derive(Clone)]
pub struct Node {
    device: DeviceId,
    commands: mpsc::Sender<Command>,
    listening: watch::Receiver<Vec<Multiaddr>>,
    connected: watch::Receiver<BTreeSet<DeviceId>>,
    followers: Arc<watch::Sender<Followers>>,
    hurry: Arc<Notify>,
    telemetry: Arc<Telemetry>,
}

/// A node as one of its own tasks holds it: it does not keep the node running.
pub(crate) struct WeakNode {
    device: DeviceId,
    commands: mpsc::WeakSender<Command>,
    pub(crate) listening: watch::Receiver<Vec<Multiaddr>>,
    pub(crate) connected: watch::Receiver<BTreeSet<DeviceId>>,
    followers: Weak<watch::Sender<Followers>>,
    /// Who could not be reached may be reached now.
    pub(crate) hurry: Arc<Notify>,
    telemetry: Arc<Telemetry>,
}

impl WeakNode {
    /// The node, if anybody still holds it.
    pub(crate) fn upgrade(&self) -> Option<Node> {
        Some(Node {
            device: self.device,
            commands: self.commands.upgrade()?,
            listening: self.listening.clone(),
            connected: self.connected.clone(),
            followers: self.followers.upgrade()?,
            hurry: self.hurry.clone(),
            telemetry: self.telemetry.clone(),
        })
    }
}

impl Node {
    /// Starts a node and waits until it listens on every address of the configuration. Its events come through the
    /// receiver; see [`Event`] for what happens when they are not read.
    ///
    /// Fails if it cannot listen somewhere, or if a bootstrap address does not say whose it is.
    pub async fn start(config: NodeConfig, policy: Arc<dyn Policy>) -> Result<(Self, mpsc::Receiver<Event>), NetError> {
        let key = Keypair::ed25519_from_bytes(config.device_seed.clone())
            .map_err(|error| behaviour::setup("the identity", error))?;
        let device = device_id(&key.public().to_peer_id()).expect("an Ed25519 key is a device");
        let mut bootstrap = Vec::new();
        for address in &config.bootstrap {
            let why = "a bootstrap address must end in /p2p/<peer id>";
            let peer = device_in(address)?.ok_or_else(|| NetError::Address { address: address.clone(), why })?;
            bootstrap.push((peer_id(&peer), address.clone()));
        }
        if config.credential.len() > MAX_CREDENTIAL_BYTES {
            let bytes = config.credential.len();
            return Err(NetError::TooLong { what: "the credential", bytes, limit: MAX_CREDENTIAL_BYTES });
        }
        let mut registry = Registry::default();
        let announcements = Counter::default();
        let swarm = behaviour::swarm(&config, &key, &mut registry, announcements.clone())?;
        let metrics = Metrics::new(&mut registry);
        let telemetry = Arc::new(Telemetry::new(registry, announcements));
        let (command_sender, commands) = mpsc::channel(COMMAND_QUEUE);
        let (event_sender, events) = mpsc::channel(EVENT_QUEUE);
        let setup = Setup {
            key,
            sealing: SealingKey::of_seed(&config.device_seed),
            credential: config.credential,
            bootstrap,
            known: config.known,
            policy,
            serves_table: config.serves_table,
            public: config.public,
            external: config.external,
            idle_timeout: config.idle_timeout,
            telemetry: telemetry.clone(),
            metrics,
        };
        let kept = config.kept;
        let (mut driver, listening, connected) = Driver::new(swarm, setup, commands, event_sender);
        driver.restore(&kept);
        timeout(LISTEN_TIMEOUT, driver.listen(config.listen))
            .await
            .map_err(|_| NetError::TimedOut { what: "listening", after: LISTEN_TIMEOUT })??;
        tokio::spawn(driver.run());
        let (followers, known_followers) = watch::channel(Followers::new());
        let followers = Arc::new(followers);
        let hurry = Arc::default();
        let node = Self { device, commands: command_sender, listening, connected, followers, hurry, telemetry };
        tokio::spawn(linking::run(device, node.downgrade(), known_followers));
        Ok((node, events))
    }

    /// The device that this node is.
    pub fn device_id(&self) -> DeviceId {
        self.device
    }

    /// Where the node listens, each address ending in `/p2p/<peer id>`.
    pub fn listen_addresses(&self) -> Vec<Multiaddr> {
        self.listening.borrow().clone()
    }

    /// The devices that are connected now.
    pub fn connected(&self) -> Vec<DeviceId> {
        self.connected.borrow().iter().copied().collect()
    }

    /// Whether the device is connected now.
    pub fn is_connected(&self, device: &DeviceId) -> bool {
        self.connected.borrow().contains(device)
    }

    /// Remembers where a device may be found, for dialling it later.
    pub async fn add_address(&self, device: DeviceId, address: Multiaddr) -> Result<(), NetError> {
        match device_in(&address)? {
            Some(other) if other != device => Err(NetError::Address { address, why: "it is another device's" }),
            _ => self.tell(Command::AddAddress { peer: peer_id(&device), address }).await,
        }
    }

    /// Connects to a device, unless it is connected: at the addresses that are known, and if that fails at those that
    /// the distributed table knows. Takes at most [`DIAL_TIMEOUT`].
    pub async fn dial(&self, device: DeviceId) -> Result<(), NetError> {
        if self.is_connected(&device) {
            return Ok(());
        }
        within("connecting", DIAL_TIMEOUT, async {
            let peer = peer_id(&device);
            match self.ask(|reply| Command::Dial { peer, reply }).await {
                Err(error @ (NetError::NoAddress(_) | NetError::Unreachable { .. })) => {
                    // The search itself may have connected us.
                    let found = self.ask(|reply| Command::Find { peer, reply }).await?;
                    if !found.is_news && !self.is_connected(&device) {
                        return Err(error);
                    }
                    self.ask(|reply| Command::Dial { peer, reply }).await.map(drop)
                }
                other => other.map(drop),
            }
        })
        .await
    }

    /// Connects to whoever is at an address, or, if it ends in `/p2p/<peer id>`, only to that device; says who it is.
    /// Takes at most [`DIAL_TIMEOUT`].
    ///
    /// Two who dial each other at the same moment, from the ports that they listen on, meet in a single TCP connection
    /// (RFC 9293 §3.5) that both take for their own, and the handshake fails. So each tries again, one after the other.
    pub async fn dial_address(&self, address: Multiaddr) -> Result<DeviceId, NetError> {
        let device = device_in(&address)?;
        let dial = || self.ask(|reply| Command::DialAddress { device, address: address.clone(), reply });
        within("connecting", DIAL_TIMEOUT, async {
            match (dial().await, device) {
                (Err(NetError::Unreachable { .. }), Some(device)) => {
                    if self.device > device {
                        sleep(OTHERS_TURN).await;
                    }
                    if self.is_connected(&device) { Ok(device) } else { dial().await }
                }
                (dialled, _) => dialled,
            }
        })
        .await
    }

    /// Closes all connections with a device.
    pub async fn disconnect(&self, device: DeviceId) -> Result<(), NetError> {
        self.tell(Command::Disconnect { peer: peer_id(&device) }).await
    }

    /// Closes all connections with a device and makes no more, in either direction, until [`Node::unblock`].
    pub async fn block(&self, device: DeviceId) -> Result<(), NetError> {
        self.tell(Command::Block { peer: peer_id(&device) }).await
    }

    /// Allows connections again.
    pub async fn unblock(&self, device: DeviceId) -> Result<(), NetError> {
        self.tell(Command::Unblock { peer: peer_id(&device) }).await?;
        self.hurry.notify_one();
        Ok(())
    }

    /// Follows a topic: its announcements come as events, and peers see that we follow it.
    pub async fn subscribe(&self, topic: Topic) -> Result<(), NetError> {
        self.ask(|reply| Command::Subscribe { topic, reply }).await
    }

    /// Follows it no more.
    pub async fn unsubscribe(&self, topic: Topic) -> Result<(), NetError> {
        self.set_followers(topic, []);
        self.tell(Command::Unsubscribe { topic }).await
    }

    /// Says which devices follow a topic, as far as is known; this one may be among them. From then on the node sees to
    /// it that it is connected with a few of them: the nearest by the XOR of device ids, and one at every distance. Who
    /// cannot be reached is tried again, more and more rarely, and somebody else takes the place.
    pub fn set_followers(&self, topic: Topic, devices: impl IntoIterator<Item = DeviceId>) {
        let sorted = by_distance(&self.device, devices);
        self.followers.send_if_modified(|followers| {
            let before =
                if sorted.is_empty() { followers.remove(&topic) } else { followers.insert(topic, sorted.clone()) };
            before.unwrap_or_default() != sorted
        });
    }

    /// Announces something, at most [`MAX_ANNOUNCEMENT_BYTES`] long, to all who follow the topic. Signed by this
    /// device. Fails with [`NetError::NobodyListens`] if nobody who is connected follows it.
    pub async fn publish(&self, topic: Topic, data: Vec<u8>) -> Result<(), NetError> {
        if data.len() > MAX_ANNOUNCEMENT_BYTES {
            return Err(NetError::TooLong {
                what: "the announcement",
                bytes: data.len(),
                limit: MAX_ANNOUNCEMENT_BYTES,
            });
        }
        self.ask(|reply| Command::Publish { topic, data, reply }).await
    }

    /// Judges an announcement: only an accepted one is passed on to others.
    pub async fn judge(&self, handle: AnnouncementHandle, acceptance: Acceptance) -> Result<(), NetError> {
        self.tell(Command::Judge { handle, acceptance }).await
    }

    /// Asks a device for a conversation; on the stream it serves Git's upload-pack. Dials if the device is not
    /// connected. Fails with [`NetError::Refused`] if it has no such conversation for us, with [`NetError::Busy`] if it
    /// serves us enough already.
    pub async fn open_git(&self, device: DeviceId, conversation: &ConversationId) -> Result<GitStream, NetError> {
        let in_use = Arc::new(());
        let stream = self.open(device, Protocol::Git, &in_use).await?;
        git::ask(device, stream, in_use, conversation, &self.telemetry).await
    }

    /// Sends a message to a device and waits until the other side has it in its channel of events. Dials if the device
    /// is not connected. After an error it may or may not have arrived. It may arrive twice: when a connection breaks under
    /// it, it is sent once more on another.
    pub async fn send(&self, device: DeviceId, envelope: Envelope) -> Result<(), NetError> {
        let bytes = envelope.encode()?;
        match self.send_once(device, &bytes).await {
            // Of two connections that both sides opened at the same time one is closed, perhaps the one that was used.
            Err(NetError::Broken { .. } | NetError::NotAcknowledged(_)) if self.is_connected(&device) => {
                self.send_once(device, &bytes).await
            }
            done => done,
        }
    }

    async fn send_once(&self, device: DeviceId, bytes: &[u8]) -> Result<(), NetError> {
        let in_use = Arc::new(());
        let stream = self.open(device, Protocol::Message, &in_use).await?;
        message::send(device, stream, bytes).await
    }

    /// Says in the distributed table that this device provides something, and goes on saying so.
    pub async fn provide(&self, key: Key) -> Result<(), NetError> {
        self.ask(|reply| Command::Provide { key, reply }).await
    }

    /// Says so no more; what others have noted fades within a day.
    pub async fn stop_providing(&self, key: Key) -> Result<(), NetError> {
        self.tell(Command::StopProviding { key }).await
    }

    /// Leaves a letter for a device, in the place of the one that was there for the same purpose. It goes on being kept by
    /// others until it is taken back ([`Node::withdraw_letter`]) or its life is over ([`Purpose::lifetime`]), also when this
    /// node stops; a node that runs on issues it again. Done when somebody keeps it, which is when the recipient can find it;
    /// where nobody does yet, it is tried again by itself, and whoever stops waiting loses nothing by it.
    ///
    /// Fails if the letter has more than [`MAX_LETTER_BYTES`](crate::limits::MAX_LETTER_BYTES) bytes, if there are as many as
    /// allowed, and with [`NetError::Withdrawn`] if it is replaced or taken back meanwhile.
    pub async fn leave_letter(&self, to: DeviceId, purpose: Purpose, body: Vec<u8>) -> Result<(), NetError> {
        self.ask(|reply| Command::LeaveLetter { to, purpose, body, reply }).await
    }

    /// Takes a letter back that this node has left, if there is one. Who keeps it is told once; where that does not arrive it
    /// stays until its life is over.
    pub async fn withdraw_letter(&self, to: DeviceId, purpose: Purpose) -> Result<(), NetError> {
        self.tell(Command::WithdrawLetter { to, purpose }).await
    }

    /// The other devices that provide something, as far as the table knows. Takes at most about
    /// [`crate::limits::LOOKUP_TIMEOUT`].
    pub async fn providers(&self, key: Key) -> Result<Vec<DeviceId>, NetError> {
        self.ask(|reply| Command::Providers { key, reply }).await
    }

    /// Where a device can be found, as far as we and the table know; the addresses are remembered for dialling. Takes
    /// at most about [`crate::limits::LOOKUP_TIMEOUT`].
    pub async fn find(&self, device: DeviceId) -> Result<Vec<Multiaddr>, NetError> {
        Ok(self.ask(|reply| Command::Find { peer: peer_id(&device), reply }).await?.addresses)
    }

    /// What a device says of itself in the distributed table, signed by it: where it is, and a credential. None if the
    /// table has nothing. Its addresses are remembered for dialling. Takes at most about
    /// [`crate::limits::LOOKUP_TIMEOUT`].
    pub async fn address_record(&self, device: DeviceId) -> Result<Option<AddressRecord>, NetError> {
        Ok(self.ask(|reply| Command::Find { peer: peer_id(&device), reply }).await?.record)
    }

    /// The peers that were met, those met last first: at most [`crate::limits::MAX_KNOWN_PEERS`]. Given to the next node
    /// in [`NodeConfig::known`], they let it find its way without any bootstrap node.
    pub async fn known_peers(&self) -> Result<Vec<KnownPeer>, NetError> {
        self.ask(|reply| Command::Known { reply }).await
    }

    /// What this node keeps for others, in a form that [`NodeConfig::kept`] takes.
    pub async fn kept_records(&self) -> Result<Vec<u8>, NetError> {
        self.ask(|reply| Command::Kept { reply }).await
    }

    /// How the node stands in the network.
    pub async fn status(&self) -> Result<NetStatus, NetError> {
        self.ask(|reply| Command::Status { reply }).await
    }

    /// What it has counted since it was started.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Closes all connections and stops; returns when it is done. Other calls then fail with [`NetError::Stopped`].
    pub async fn shutdown(&self) {
        // An error says that it has stopped already, or that it stopped before it could say so.
        let (sender, stopped) = oneshot::channel();
        if self.commands.send(Command::Shutdown { stopped: sender }).await.is_ok() {
            let _ = stopped.await;
        }
    }

    /// These devices are links: their connections stay though nothing uses them.
    pub(crate) async fn link(&self, devices: &BTreeSet<DeviceId>) -> Result<(), NetError> {
        self.tell(Command::Link { peers: devices.iter().map(peer_id).collect() }).await
    }

    fn downgrade(&self) -> WeakNode {
        WeakNode {
            device: self.device,
            commands: self.commands.downgrade(),
            listening: self.listening.clone(),
            connected: self.connected.clone(),
            followers: Arc::downgrade(&self.followers),
            hurry: self.hurry.clone(),
            telemetry: self.telemetry.clone(),
        }
    }

    /// Opens a stream; the connection is taken to be in use until `in_use` is dropped.
    async fn open(&self, device: DeviceId, protocol: Protocol, in_use: &Arc<()>) -> Result<Stream, NetError> {
        self.dial(device).await?;
        within("opening a stream", FIRST_FRAME_TIMEOUT, async {
            let (sender, answer) = oneshot::channel();
            self.tell(Command::Open {
                peer: peer_id(&device),
                protocol,
                in_use: Arc::downgrade(in_use),
                reply: sender,
            })
            .await?;
            let gone = |_| NetError::Broken { peer: device, source: std::io::ErrorKind::NotConnected.into() };
            answer.await.map_err(gone)?
        })
        .await
    }

    async fn tell(&self, command: Command) -> Result<(), NetError> {
        self.commands.send(command).await.map_err(|_| NetError::Stopped)
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, NetError> {
        let (sender, answer) = oneshot::channel();
        self.tell(command(sender)).await?;
        answer.await.map_err(|_| NetError::Stopped)?
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("device", &self.device).finish_non_exhaustive()
    }
}

async fn within<T>(
    what: &'static str,
    after: Duration,
    work: impl Future<Output = Result<T, NetError>>,
) -> Result<T, NetError> {
    timeout(after, work).await.unwrap_or(Err(NetError::TimedOut { what, after }))
}
