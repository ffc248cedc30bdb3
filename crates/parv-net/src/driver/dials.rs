//! Dials that somebody waits for.

use super::Reply;
use crate::NetError;
use crate::peer::device_id;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId};
use parv_model::DeviceId;
use std::collections::HashMap;
use std::error::Error;

/// The dials that are under way.
#[derive(Default)]
pub(super) struct Dials(HashMap<ConnectionId, Dial>);

struct Dial {
    /// Who must answer; anybody if none.
    peer: Option<PeerId>,
    /// Device or address, for the error.
    target: String,
    replies: Vec<Reply<DeviceId>>,
}

/// Dials a peer at these addresses and at those that Kademlia knows.
pub(super) fn options(peer: PeerId, addresses: Vec<Multiaddr>) -> DialOpts {
    DialOpts::peer_id(peer)
        .condition(PeerCondition::Disconnected)
        .addresses(addresses)
        .extend_addresses_through_behaviour()
        .build()
}

impl Dials {
    /// Waits with others for a dial of the peer, if there is one; else gives the reply back.
    pub(super) fn join(&mut self, peer: PeerId, reply: Reply<DeviceId>) -> Result<(), Reply<DeviceId>> {
        match self.0.values_mut().find(|dial| dial.peer == Some(peer)) {
            Some(dial) => {
                dial.replies.push(reply);
                Ok(())
            }
            None => Err(reply),
        }
    }

    /// Somebody waits for this connection.
    pub(super) fn begin(&mut self, id: ConnectionId, peer: Option<PeerId>, target: String, reply: Reply<DeviceId>) {
        self.0.insert(id, Dial { peer, target, replies: vec![reply] });
    }

    /// A peer is connected, by this connection.
    pub(super) fn succeeded(&mut self, id: ConnectionId, peer: PeerId) {
        let Some(device) = device_id(&peer) else { return };
        for (_, dial) in self.0.extract_if(|other, dial| *other == id || dial.peer == Some(peer)) {
            for reply in dial.replies {
                let _ = reply.send(Ok(device));
            }
        }
    }

    /// This connection could not be made.
    pub(super) fn failed(&mut self, id: ConnectionId, error: &DialError) {
        let Some(dial) = self.0.remove(&id) else { return };
        for reply in dial.replies {
            let _ = reply.send(Err(refusal(dial.peer, dial.target.clone(), error)));
        }
    }
}

/// The error that the owner sees.
pub(super) fn refusal(peer: Option<PeerId>, target: String, error: &DialError) -> NetError {
    match (error, peer.as_ref().and_then(device_id)) {
        (DialError::NoAddresses, Some(device)) => NetError::NoAddress(device),
        // The swarm strikes out its own addresses: one that was given and is none is ours.
        (DialError::LocalPeerId { .. }, _) | (DialError::NoAddresses, None) => NetError::Myself,
        _ => NetError::Unreachable { target, why: explain(error) },
    }
}

/// One line for a person: each address that was tried, with what is at the bottom of its failure.
fn explain(error: &DialError) -> String {
    match error {
        DialError::Transport(attempts) => {
            let mut tried: Vec<String> = Vec::new();
            for (address, error) in attempts {
                let address = address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect::<Multiaddr>();
                let attempt = format!("{address}: {}", cause(error));
                if !tried.contains(&attempt) {
                    tried.push(attempt);
                }
            }
            tried.join("; ")
        }
        DialError::WrongPeerId { obtained, address } => format!("{address} is {obtained}"),
        DialError::Denied { cause: denial } => cause(denial),
        other => other.to_string(),
    }
}

/// The innermost source. Where a transport lists several in its text, the last of them.
fn cause(error: &dyn Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let text = inner.to_string();
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    last.trim_start_matches("- ").to_owned()
}
