//! What a public node does for others, counted.

use crate::status::ServiceStatus;
use libp2p::{PeerId, relay};
use std::collections::{HashMap, HashSet};

/// The places that are held, and the circuits that are carried.
#[derive(Default)]
pub(super) struct Service {
    holders: HashSet<PeerId>,
    circuits: HashMap<(PeerId, PeerId), usize>,
}

impl Service {
    /// The relay server tells something.
    pub(super) fn note(&mut self, event: &relay::Event) {
        match event {
            relay::Event::ReservationReqAccepted { src_peer_id, .. } => {
                self.holders.insert(*src_peer_id);
            }
            relay::Event::ReservationClosed { src_peer_id } | relay::Event::ReservationTimedOut { src_peer_id } => {
                self.holders.remove(src_peer_id);
            }
            relay::Event::CircuitReqAccepted { src_peer_id, dst_peer_id } => {
                *self.circuits.entry((*src_peer_id, *dst_peer_id)).or_default() += 1;
            }
            relay::Event::CircuitClosed { src_peer_id, dst_peer_id, .. } => {
                let ends = (*src_peer_id, *dst_peer_id);
                if let Some(count) = self.circuits.get_mut(&ends) {
                    *count -= 1;
                    if *count == 0 {
                        self.circuits.remove(&ends);
                    }
                }
            }
            relay::Event::ReservationReqDenied { src_peer_id, status } => {
                tracing::debug!(%src_peer_id, ?status, "a place at this relay was refused");
            }
            relay::Event::CircuitReqDenied { src_peer_id, dst_peer_id, status } => {
                tracing::debug!(%src_peer_id, %dst_peer_id, ?status, "a circuit was refused");
            }
            _ => {}
        }
    }

    pub(super) fn status(&self) -> ServiceStatus {
        ServiceStatus { reservations: self.holders.len(), circuits: self.circuits.values().sum() }
    }
}
