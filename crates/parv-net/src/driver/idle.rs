//! Connections that nothing uses any more, and their end.
//!
//! libp2p ends idle connections by itself, but gossip keeps a stream open on every one, so none is ever idle in its eyes. In
//! ours one is in use while it is a link, while its peer is a neighbour in a mesh, a bootstrap peer or a relay that we
//! need, and while a stream of ours lasts on it and some time after. A public node leaves that to the others: its use
//! is theirs.

use super::Driver;
use libp2p::PeerId;
use std::collections::HashSet;
use std::sync::Weak;
use std::time::Instant;

/// What the connections with a peer were used for.
#[derive(Default)]
pub(super) struct Uses {
    /// When a stream was opened last, by either side, or seen to be still open; or when the peer came.
    last: Option<Instant>,
    /// The streams that we opened, as long as they last.
    streams: Vec<Weak<()>>,
}

impl Uses {
    fn note(&mut self, stream: Weak<()>, now: Instant) {
        self.last = Some(now);
        self.streams.retain(|other| other.strong_count() > 0);
        self.streams.push(stream);
    }
}

impl Driver {
    /// A stream with the peer was opened that lasts as long as `stream`, or the peer has come.
    pub(super) fn note_use(&mut self, peer: &PeerId, stream: Weak<()>) {
        if let Some(neighbour) = self.neighbours.get_mut(peer) {
            neighbour.uses.note(stream, Instant::now());
        }
    }

    /// Ends the connections with everybody with whom there was nothing to do for long.
    pub(super) fn end_idle(&mut self, now: Instant) {
        if self.service.is_some() {
            return;
        }
        let behaviour = self.swarm.behaviour();
        let mut used: HashSet<_> = behaviour.gossip.all_mesh_peers().copied().collect();
        used.extend(self.bootstrap.keys());
        used.extend(self.relays.peers());
        let mut idle = Vec::new();
        for (peer, neighbour) in &mut self.neighbours {
            let uses = &mut neighbour.uses;
            let is_open = uses.streams.iter().any(|stream| stream.strong_count() > 0) || self.places.are_used(peer);
            if is_open || behaviour.streams.is_link(peer) || used.contains(peer) {
                uses.last = Some(now);
            } else if uses.last.is_none_or(|last| now - last >= self.idle_timeout) {
                idle.push(*peer);
            }
        }
        for peer in idle {
            tracing::debug!(%peer, "a connection that nothing uses is ended");
            self.disconnect(peer);
        }
    }
}
