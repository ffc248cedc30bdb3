//! Handshakes that others begin, shared among the networks from which they come.
//!
//! Sockets cost nothing, and each may say nothing for as long as a handshake may take. So that those of one network (the first
//! 24 bits of an IPv4 address, 48 of an IPv6 address) do not keep everybody else out, each has a part of the room.

use crate::limits::{MAX_PENDING_CONNECTIONS, MAX_PENDING_OF_NETWORK};
use crate::shelf::Origin;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{Multiaddr, PeerId};
use std::collections::HashMap;
use std::convert::Infallible;
use std::task::{Context, Poll};

/// A network has as many handshakes going on as it may.
#[derive(Debug, thiserror::Error)]
#[error("{MAX_PENDING_OF_NETWORK} of {MAX_PENDING_CONNECTIONS} handshakes come from that network already")]
struct TooMany;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Behaviour(HashMap<ConnectionId, Origin>);

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let origin = Origin::of(remote);
        // All of them are a few hundred.
        if self.0.values().filter(|other| **other == origin).count() >= MAX_PENDING_OF_NETWORK as usize {
            return Err(ConnectionDenied::new(TooMany));
        }
        self.0.insert(id, origin);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.0.remove(&id);
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ListenFailure(failure) = event {
            self.0.remove(&failure.connection_id);
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
