//! Streams of our own protocols as events of the swarm.
//!
//! An inbound stream is an event like any other, so none is ever dropped because somebody was slow; an outbound one is
//! answered through a channel. Nothing here dials: who opens a stream connects first. Peers whose key makes them no
//! device are not let in at all.

use crate::NetError;
use crate::peer::device_id;
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
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
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
    const ALL: [Protocol; 2] = [Protocol::Git, Protocol::Message];

    /// Its name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Protocol::Git => "/parv/git/1",
            Protocol::Message => "/parv/message/1",
        }
    }
}

impl AsRef<str> for Protocol {
    fn as_ref(&self) -> &str {
        self.name()
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

/// A stream that we want.
#[derive(Debug)]
pub(crate) struct Opening {
    protocol: Protocol,
    reply: Reply,
}

/// The part of the swarm that opens and takes streams.
pub(crate) struct Behaviour {
    /// Whether peers may open any.
    takes: bool,
    /// The connections of each peer, the newest last.
    connections: HashMap<PeerId, Vec<ConnectionId>>,
    actions: VecDeque<ToSwarm<Inbound, Opening>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the peer's key is not an Ed25519 key")]
struct NotADevice;

impl Behaviour {
    /// One that opens streams, and takes those of peers if `takes`.
    pub(crate) fn new(takes: bool) -> Self {
        Self { takes, connections: HashMap::new(), actions: VecDeque::new() }
    }

    /// Opens a stream on the newest connection with the peer. Without one, the reply is dropped.
    pub(crate) fn open(&mut self, peer: PeerId, protocol: Protocol, reply: Reply) {
        let Some(newest) = self.connections.get(&peer).and_then(|all| all.last()) else {
            return;
        };
        self.actions.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler: NotifyHandler::One(*newest),
            event: Opening { protocol, reply },
        });
    }

    fn handler(&self, peer: PeerId) -> Result<Handler, ConnectionDenied> {
        let device = device_id(&peer).ok_or_else(|| ConnectionDenied::new(NotADevice))?;
        Ok(Handler { device, takes: self.takes, openings: VecDeque::new(), inbound: VecDeque::new() })
    }
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

    fn on_connection_handler_event(&mut self, peer: PeerId, _: ConnectionId, (protocol, stream): (Protocol, Stream)) {
        self.actions.push_back(ToSwarm::GenerateEvent(Inbound { peer, protocol, stream }));
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
    inbound: VecDeque<(Protocol, Stream)>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Opening;
    type ToBehaviour = (Protocol, Stream);
    type InboundProtocol = TakeAny;
    type OutboundProtocol = OpenOne;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Opening;

    fn listen_protocol(&self) -> SubstreamProtocol<TakeAny, ()> {
        SubstreamProtocol::new(TakeAny(self.takes), ())
    }

    fn on_behaviour_event(&mut self, opening: Opening) {
        self.openings.push_back(opening);
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<OpenOne, Opening, (Protocol, Stream)>> {
        if let Some(stream) = self.inbound.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(stream));
        }
        if let Some(opening) = self.openings.pop_front() {
            let protocol = SubstreamProtocol::new(OpenOne(opening.protocol), opening);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        Poll::Pending
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, TakeAny, OpenOne, (), Opening>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. }) => {
                self.inbound.push_back(protocol);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, info }) => {
                // Nobody waits any more: the stream goes, and with it the peer's side.
                let _ = info.reply.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let peer = self.device;
                let error = match error {
                    StreamUpgradeError::NegotiationFailed => {
                        NetError::Unsupported { peer, protocol: info.protocol.name() }
                    }
                    StreamUpgradeError::Timeout => NetError::Broken { peer, source: io::ErrorKind::TimedOut.into() },
                    StreamUpgradeError::Io(source) => NetError::Broken { peer, source },
                    StreamUpgradeError::Apply(never) => match never {},
                };
                let _ = info.reply.send(Err(error));
            }
            _ => {}
        }
    }
}

/// Takes a stream of any of our protocols, or of none.
pub(crate) struct TakeAny(bool);

impl UpgradeInfo for TakeAny {
    type Info = Protocol;
    type InfoIter = std::iter::Take<std::array::IntoIter<Protocol, 2>>;

    fn protocol_info(&self) -> Self::InfoIter {
        Protocol::ALL.into_iter().take(if self.0 { Protocol::ALL.len() } else { 0 })
    }
}

impl InboundUpgrade<Stream> for TakeAny {
    type Output = (Protocol, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: Protocol) -> Self::Future {
        ready(Ok((protocol, stream)))
    }
}

/// Opens a stream of one protocol.
pub(crate) struct OpenOne(Protocol);

impl UpgradeInfo for OpenOne {
    type Info = Protocol;
    type InfoIter = std::iter::Once<Protocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once(self.0)
    }
}

impl OutboundUpgrade<Stream> for OpenOne {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: Protocol) -> Self::Future {
        ready(Ok(stream))
    }
}
