//! Streams of our own protocols as events of the swarm.
//!
//! An inbound stream is an event like any other, so none is ever dropped because somebody was slow; an outbound one is
//! answered through a channel. Nothing here dials: who opens a stream connects first. Peers whose key makes them no
//! device are not let in at all.
//!
//! A connection that nobody uses is ended by the driver. Who needs one as a link opens a stream on it that carries
//! nothing: while it is open, neither side takes the connection for unused.

use crate::NetError;
use crate::peer::device_id;
use futures::AsyncRead;
use futures::future::{Ready, ready};
use libp2p::PeerId;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::core::{Endpoint, transport::PortUse};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound, StreamUpgradeError,
};
use libp2p::swarm::{
    ConnectionClosed, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, NotifyHandler, Stream, SubstreamProtocol, THandler, THandlerInEvent, ToSwarm,
};
use libp2p::{Multiaddr, swarm::behaviour::ConnectionEstablished};
use parv_model::DeviceId;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// A protocol that is spoken on streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    /// Git's upload-pack; see [`crate::git`].
    Git,
    /// One envelope; see [`crate::message`].
    Message,
}

impl Protocol {
    /// Its name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Protocol::Git => "/parv/git/1",
            Protocol::Message => "/parv/message/1",
        }
    }
}

/// What a stream is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// To carry something.
    Carry(Protocol),
    /// To carry nothing: to make its connection a link.
    Link,
}

impl Use {
    const ALL: [Use; 3] = [Use::Carry(Protocol::Git), Use::Carry(Protocol::Message), Use::Link];
}

impl AsRef<str> for Use {
    fn as_ref(&self) -> &str {
        match self {
            Use::Carry(protocol) => protocol.name(),
            Use::Link => "/parv/neighbour/1",
        }
    }
}

/// Where the opened stream goes.
pub(crate) type Reply = oneshot::Sender<Result<Stream, NetError>>;

/// A stream that a peer opened.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) peer: PeerId,
    pub(crate) protocol: Protocol,
    pub(crate) stream: Stream,
}

/// What a connection is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// To open a stream for somebody.
    Open(Protocol, Reply),
    /// To be a link, or none.
    Link(bool),
}

/// What a connection tells.
#[derive(Debug)]
pub(crate) enum News {
    /// The peer opened a stream.
    Opened(Protocol, Stream),
    /// It is a link of the peer's now, or none any more.
    TheirLink(bool),
}

/// A stream that is being opened.
#[derive(Debug)]
pub(crate) enum Opening {
    /// For somebody.
    Carrier(Protocol, Reply),
    /// As a link.
    Link,
}

/// The part of the swarm that opens and takes streams.
pub(crate) struct Behaviour {
    /// Whether peers may open any.
    takes: bool,
    /// The connections of each peer, the newest last.
    connections: HashMap<PeerId, Vec<ConnectionId>>,
    /// Those to be linked with.
    links: BTreeSet<PeerId>,
    /// The connections that are links of their peers'.
    their_links: HashSet<ConnectionId>,
    actions: VecDeque<ToSwarm<Inbound, Order>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the peer's key is not an Ed25519 key")]
struct NotADevice;

impl Behaviour {
    /// One that opens streams, and takes those of peers if `takes`.
    pub(crate) fn new(takes: bool) -> Self {
        Self {
            takes,
            connections: HashMap::new(),
            links: BTreeSet::new(),
            their_links: HashSet::new(),
            actions: VecDeque::new(),
        }
    }

    /// Opens a stream on the newest connection with the peer. Without one, the reply is dropped.
    pub(crate) fn open(&mut self, peer: PeerId, protocol: Protocol, reply: Reply) {
        if let Some(newest) = self.connections.get(&peer).and_then(|all| all.last()) {
            self.actions.push_back(order(peer, *newest, Order::Open(protocol, reply)));
        }
    }

    /// Whether a connection with the peer is a link, ours or its.
    pub(crate) fn is_link(&self, peer: &PeerId) -> bool {
        let theirs = |id: &ConnectionId| self.their_links.contains(id);
        self.links.contains(peer) || self.connections.get(peer).is_some_and(|all| all.iter().any(theirs))
    }

    /// The connections with these peers are links, those of now and those to come, and no others.
    pub(crate) fn link(&mut self, peers: BTreeSet<PeerId>) {
        for (peer, linked) in self.links.symmetric_difference(&peers).map(|peer| (*peer, peers.contains(peer))) {
            let connections = self.connections.get(&peer).into_iter().flatten();
            self.actions.extend(connections.map(|id| order(peer, *id, Order::Link(linked))));
        }
        self.links = peers;
    }

    fn handler(&self, peer: PeerId) -> Result<Handler, ConnectionDenied> {
        let device = device_id(&peer).ok_or_else(|| ConnectionDenied::new(NotADevice))?;
        let mut handler = Handler {
            device,
            takes: self.takes,
            openings: VecDeque::new(),
            news: VecDeque::new(),
            own_link: None,
            their_link: None,
        };
        if self.links.contains(&peer) {
            handler.on_behaviour_event(Order::Link(true));
        }
        Ok(handler)
    }
}

fn order(peer_id: PeerId, connection: ConnectionId, event: Order) -> ToSwarm<Inbound, Order> {
    ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(connection), event }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Inbound;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, .. }) => {
                self.connections.entry(peer_id).or_default().push(connection_id);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                self.their_links.remove(&connection_id);
                if let Some(all) = self.connections.get_mut(&peer_id) {
                    all.retain(|id| *id != connection_id);
                    if all.is_empty() {
                        self.connections.remove(&peer_id);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, news: News) {
        match news {
            News::Opened(protocol, stream) => {
                self.actions.push_back(ToSwarm::GenerateEvent(Inbound { peer, protocol, stream }));
            }
            News::TheirLink(true) => drop(self.their_links.insert(connection)),
            News::TheirLink(false) => drop(self.their_links.remove(&connection)),
        }
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Inbound, THandlerInEvent<Self>>> {
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// The part of one connection that opens and takes streams.
pub(crate) struct Handler {
    device: DeviceId,
    takes: bool,
    openings: VecDeque<Opening>,
    news: VecDeque<News>,
    /// Whether the connection is a link of ours: then the stream that makes it one, as soon as it is open.
    own_link: Option<Option<Stream>>,
    /// The stream that makes it a link of the peer's.
    their_link: Option<Stream>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Order;
    type ToBehaviour = News;
    type InboundProtocol = TakeAny;
    type OutboundProtocol = OpenOne;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Opening;

    fn listen_protocol(&self) -> SubstreamProtocol<TakeAny, ()> {
        SubstreamProtocol::new(TakeAny(self.takes), ())
    }

    fn on_behaviour_event(&mut self, order: Order) {
        match order {
            Order::Open(protocol, reply) => self.openings.push_back(Opening::Carrier(protocol, reply)),
            Order::Link(true) => {
                self.own_link = Some(None);
                self.openings.push_back(Opening::Link);
            }
            Order::Link(false) => self.own_link = None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<OpenOne, Opening, News>> {
        // It ends, or says something though there is nothing to say: no link any more.
        if self.their_link.as_mut().is_some_and(|stream| Pin::new(stream).poll_read(cx, &mut [0]).is_ready()) {
            self.their_link = None;
            self.news.push_back(News::TheirLink(false));
        }
        if let Some(news) = self.news.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(news));
        }
        if let Some(opening) = self.openings.pop_front() {
            let used = match opening {
                Opening::Carrier(protocol, _) => Use::Carry(protocol),
                Opening::Link => Use::Link,
            };
            let protocol = SubstreamProtocol::new(OpenOne(used), opening);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, TakeAny, OpenOne, (), Opening>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => match protocol {
                (Use::Carry(protocol), stream) => self.news.push_back(News::Opened(protocol, stream)),
                (Use::Link, stream) => {
                    self.their_link = Some(stream);
                    self.news.push_back(News::TheirLink(true));
                }
            },
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, info }) => {
                match info {
                    // Nobody waits any more: the stream goes, and with it the peer's side.
                    Opening::Carrier(_, reply) => drop(reply.send(Ok(stream))),
                    Opening::Link => self.own_link = self.own_link.take().map(|_| Some(stream)),
                }
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let peer = self.device;
                let Opening::Carrier(protocol, reply) = info else {
                    // It ends when nothing uses it, like any other.
                    return tracing::debug!(%peer, "no link: {error}");
                };
                let error = match error {
                    StreamUpgradeError::NegotiationFailed => NetError::Unsupported { peer, protocol: protocol.name() },
                    StreamUpgradeError::Timeout => NetError::Broken { peer, source: io::ErrorKind::TimedOut.into() },
                    StreamUpgradeError::Io(source) => NetError::Broken { peer, source },
                    StreamUpgradeError::Apply(never) => match never {},
                };
                let _ = reply.send(Err(error));
            }
            _ => {}
        }
    }
}

/// Takes a stream for any use, or of none.
pub(crate) struct TakeAny(bool);

impl UpgradeInfo for TakeAny {
    type Info = Use;
    type InfoIter = std::iter::Take<std::array::IntoIter<Use, 3>>;

    fn protocol_info(&self) -> Self::InfoIter {
        Use::ALL.into_iter().take(if self.0 { Use::ALL.len() } else { 0 })
    }
}

impl InboundUpgrade<Stream> for TakeAny {
    type Output = (Use, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, used: Use) -> Self::Future {
        ready(Ok((used, stream)))
    }
}

/// Opens a stream for one use.
pub(crate) struct OpenOne(Use);

impl UpgradeInfo for OpenOne {
    type Info = Use;
    type InfoIter = std::iter::Once<Use>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once(self.0)
    }
}

impl OutboundUpgrade<Stream> for OpenOne {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: Use) -> Self::Future {
        ready(Ok(stream))
    }
}
