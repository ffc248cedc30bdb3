//! What a node tells its owner.

use crate::envelope::Envelope;
use crate::git::GitStream;
use crate::mailbox::Letter;
use crate::topic::Topic;
use libp2p::gossipsub::{MessageAcceptance, MessageId};
use libp2p::{Multiaddr, PeerId};
use parv_model::{ConversationId, DeviceId};

/// Something happened.
///
/// Events come through a channel of bounded length. While its reader is behind, announcements and discoveries are
/// dropped (gossip repeats itself, and an engine asks its new neighbours for their heads anyway); messages and git
/// requests make their peer wait, and turn it away after some seconds; the others are kept, but a connection that came
/// and went meanwhile is not told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A device is connected that was not. It proved that it has the key of that id; whose device it is, is not known
    /// here.
    Connected(DeviceId),
    /// A device is no longer connected.
    Disconnected(DeviceId),
    /// A device wants to fetch, and the policy allows it. Whoever takes the stream serves it; dropping it ends it.
    GitRequest {
        /// Who asks.
        peer: DeviceId,
        /// For which conversation.
        conversation: ConversationId,
        /// Where to serve it.
        stream: GitStream,
    },
    /// A device sent a message. It is told that the message arrived as soon as this event is in the channel.
    Message {
        /// Who sent it.
        peer: DeviceId,
        /// What it sent.
        envelope: Envelope,
    },
    /// An announcement came on a topic we follow. It is relayed to others only when accepted with
    /// [`crate::Node::judge`].
    Announcement {
        /// The topic.
        topic: Topic,
        /// Who wrote and signed it.
        author: DeviceId,
        /// Who passed it on to us.
        relay: DeviceId,
        /// What it says.
        data: Vec<u8>,
        /// For judging it.
        handle: AnnouncementHandle,
    },
    /// A connected device follows a topic that we follow too.
    Subscribed {
        /// The device.
        peer: DeviceId,
        /// The topic.
        topic: Topic,
    },
    /// A letter lies in a mailbox of this device. Told each time that it is found: what was read before can be recognised by
    /// its sender, purpose and number.
    Letter(Letter),
    /// A device says on the local network that it is there. Unproven until it is connected.
    Discovered(DeviceId),
    /// The node listens on one more address; it ends in `/p2p/<peer id>`.
    Listening(Multiaddr),
}

/// What an announcement is judged by. One that is never judged is forgotten after half a minute, unrelayed.
#[derive(Debug)]
pub struct AnnouncementHandle {
    pub(crate) id: MessageId,
    pub(crate) relay: PeerId,
}

/// The judgement of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// Good: pass it on.
    Accept,
    /// Bad, and who passed it on should have known: drop it and count it against them.
    Reject,
    /// Neither: drop it.
    Ignore,
}

impl From<Acceptance> for MessageAcceptance {
    fn from(acceptance: Acceptance) -> Self {
        match acceptance {
            Acceptance::Accept => MessageAcceptance::Accept,
            Acceptance::Reject => MessageAcceptance::Reject,
            Acceptance::Ignore => MessageAcceptance::Ignore,
        }
    }
}
