//! Topics: who follows them, what comes on them, and what the owner thinks of it.

use super::Driver;
use super::conduct::Verdict;
use crate::NetError;
use crate::event::{Acceptance, AnnouncementHandle, Event};
use crate::gossip::follow;
use crate::limits::{MAX_ANNOUNCEMENT_BYTES, MAX_TOPICS};
use crate::peer::device_id;
use crate::telemetry::Reason;
use crate::topic::Topic;
use libp2p::PeerId;
use libp2p::gossipsub::{self, Message, MessageAcceptance};
use std::time::Instant;

impl Driver {
    pub(super) fn subscribe(&mut self, topic: Topic) -> Result<(), NetError> {
        if !self.topics.contains(&topic) && self.topics.len() >= MAX_TOPICS {
            return Err(NetError::TooManyTopics(MAX_TOPICS));
        }
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        let wire = topic.on_the_wire();
        follow(gossip, &wire).map_err(|why| NetError::Subscribe { topic, why })?;
        if self.topics.insert(topic) {
            let hash = wire.hash();
            for (peer, topics) in gossip.all_peers() {
                if let (Some(peer), true) = (device_id(peer), topics.contains(&&hash)) {
                    self.outbox.tell(Event::Subscribed { peer, topic });
                }
            }
        }
        Ok(())
    }

    pub(super) fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let handle = AnnouncementHandle { id: message_id, relay: propagation_source };
                self.on_announcement(handle, message);
            }
            gossipsub::Event::Subscribed { peer_id, topic } => {
                let topic = Topic::from_wire(&topic).filter(|topic| self.topics.contains(topic));
                if let (Some(peer), Some(topic)) = (device_id(&peer_id), topic) {
                    self.outbox.tell(Event::Subscribed { peer, topic });
                }
            }
            gossipsub::Event::SlowPeer { peer_id, .. } => tracing::debug!(peer = %peer_id, "slow to take gossip"),
            _ => {}
        }
    }

    /// An announcement has come for the first time. What is not handed up is not passed on either.
    fn on_announcement(&mut self, handle: AnnouncementHandle, message: Message) {
        let AnnouncementHandle { id, relay } = &handle;
        let (id, relay) = (id.clone(), *relay);
        let Some(author) = message.source else { return };
        let verdict = self.conduct.announced(author, relay, Instant::now());
        if verdict == Verdict::Fine && self.hand_up(author, handle, message) {
            return;
        }
        self.telemetry.refused(match verdict {
            Verdict::Fine => Reason::DroppedAnnouncement,
            Verdict::TooMany | Verdict::TooFar => Reason::TooManyAnnouncements,
        });
        if verdict == Verdict::TooFar {
            self.banish(relay);
        }
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        gossip.report_message_validation_result(&id, &relay, MessageAcceptance::Ignore);
    }

    /// False if it is not for the owner, or the owner is behind.
    fn hand_up(&mut self, author: PeerId, handle: AnnouncementHandle, message: Message) -> bool {
        let topic = Topic::from_wire(&message.topic).filter(|topic| self.topics.contains(topic));
        let topic = topic.filter(|_| message.data.len() <= MAX_ANNOUNCEMENT_BYTES);
        let (Some(topic), Some(author), Some(relay)) = (topic, device_id(&author), device_id(&handle.relay)) else {
            return false;
        };
        self.outbox.offer(Event::Announcement { topic, author, relay, data: message.data, handle })
    }

    pub(super) fn judge(&mut self, handle: AnnouncementHandle, acceptance: Acceptance) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        gossip.report_message_validation_result(&handle.id, &handle.relay, acceptance.into());
        if acceptance == Acceptance::Reject {
            self.telemetry.refused(Reason::BadAnnouncement);
            if self.conduct.rejected(handle.relay, Instant::now()) == Verdict::TooFar {
                self.banish(handle.relay);
            }
        }
    }

    /// A neighbour has gone too far: drops it, and makes no connection with it for a while.
    fn banish(&mut self, peer: PeerId) {
        if self.conduct.banish(peer, Instant::now()) {
            tracing::info!(%peer, "a neighbour passes on too much, or what is bad; it is banished for a while");
            self.swarm.behaviour_mut().banished.block_peer(peer);
        }
    }
}
