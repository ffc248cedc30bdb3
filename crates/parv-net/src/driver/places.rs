//! How many streams each peer may have with us at once.

use crate::limits::{MAX_GIT_STREAMS_PER_PEER, MAX_MESSAGE_STREAMS_PER_PEER};
use crate::streams::Protocol;
use libp2p::PeerId;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of every peer that has or had streams with us.
#[derive(Default)]
pub(super) struct Places(HashMap<PeerId, PeerPlaces>);

struct PeerPlaces {
    git: Arc<Semaphore>,
    message: Arc<Semaphore>,
}

impl PeerPlaces {
    fn new() -> Self {
        Self {
            git: Arc::new(Semaphore::new(MAX_GIT_STREAMS_PER_PEER)),
            message: Arc::new(Semaphore::new(MAX_MESSAGE_STREAMS_PER_PEER)),
        }
    }

    fn is_unused(&self) -> bool {
        self.git.available_permits() == MAX_GIT_STREAMS_PER_PEER
            && self.message.available_permits() == MAX_MESSAGE_STREAMS_PER_PEER
    }
}

impl Places {
    /// A place for one more stream, if the peer has one left; it is free again when the permit is dropped.
    pub(super) fn take(&mut self, peer: PeerId, protocol: Protocol) -> Option<OwnedSemaphorePermit> {
        let places = self.0.entry(peer).or_insert_with(PeerPlaces::new);
        let semaphore = match protocol {
            Protocol::Git => &places.git,
            Protocol::Message => &places.message,
        };
        semaphore.clone().try_acquire_owned().ok()
    }

    /// Whether streams of the peer are being served.
    pub(super) fn are_used(&self, peer: &PeerId) -> bool {
        self.0.get(peer).is_some_and(|places| !places.is_unused())
    }

    /// Forgets the peers that are gone. One whose streams are still being served is remembered, so that coming back
    /// quickly gives it no more places.
    pub(super) fn tidy(&mut self, is_connected: impl Fn(&PeerId) -> bool) {
        self.0.retain(|peer, places| is_connected(peer) || !places.is_unused());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coming_back_gives_no_more_places() {
        let mut places = Places::default();
        let peer = PeerId::random();
        let mut taken: Vec<_> =
            (0..MAX_GIT_STREAMS_PER_PEER).map(|_| places.take(peer, Protocol::Git).unwrap()).collect();
        assert!(places.take(peer, Protocol::Git).is_none());
        assert!(places.take(peer, Protocol::Message).is_some());
        assert!(places.take(PeerId::random(), Protocol::Git).is_some());
        places.tidy(|_| false);
        assert!(places.take(peer, Protocol::Git).is_none());
        taken.pop();
        assert!(places.take(peer, Protocol::Git).is_some());
        taken.clear();
        places.tidy(|_| false);
        assert!(places.0.is_empty());
    }
}
