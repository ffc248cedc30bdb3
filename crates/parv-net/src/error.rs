//! What can go wrong on the network.

use crate::topic::Topic;
use libp2p::Multiaddr;
use libp2p::gossipsub::PublishError;
use parv_model::DeviceId;
use std::io;
use std::time::Duration;

/// Anything that failed on the way to or from a peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// A part of the node could not be set up.
    #[error("cannot set up {part}")]
    Setup {
        /// Which part.
        part: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The node cannot listen where it was told to.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: Multiaddr,
        /// Why not.
        source: io::Error,
    },
    /// An address cannot be used.
    #[error("{address} cannot be used: {why}")]
    Address {
        /// The address.
        address: Multiaddr,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No way to the device is known.
    #[error("no address of device {0} is known")]
    NoAddress(DeviceId),
    /// The peer could not be reached.
    #[error("cannot reach {target}: {why}")]
    Unreachable {
        /// The device, or the address if no device was named.
        target: String,
        /// What happened, for each address that was tried.
        why: String,
    },
    /// The device is this one.
    #[error("the device is this one")]
    Myself,
    /// The device was blocked by [`crate::Node::block`].
    #[error("device {0} is blocked")]
    Blocked(DeviceId),
    /// The peer serves no such conversation to us: it does not have it, or we may not have it.
    #[error("device {0} does not serve that conversation to us")]
    Refused(DeviceId),
    /// The peer serves as many streams for us as it is willing to. Trying later may help.
    #[error("device {0} is busy with our other requests")]
    Busy(DeviceId),
    /// The peer does not speak the protocol.
    #[error("device {peer} does not speak {protocol}")]
    Unsupported {
        /// The peer.
        peer: DeviceId,
        /// The protocol's name.
        protocol: &'static str,
    },
    /// The connection or the stream broke.
    #[error("the stream with device {peer} broke")]
    Broken {
        /// The peer.
        peer: DeviceId,
        /// How.
        source: io::Error,
    },
    /// The peer did not take the message.
    #[error("device {0} did not acknowledge the message")]
    NotAcknowledged(DeviceId),
    /// Something took too long.
    #[error("{what} took longer than {} s", after.as_secs_f32())]
    TimedOut {
        /// What.
        what: &'static str,
        /// How long it was given.
        after: Duration,
    },
    /// Something is larger than its limit.
    #[error("{what} has {bytes} bytes, more than the {limit} allowed")]
    TooLong {
        /// What.
        what: &'static str,
        /// Its size, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Bytes are not what they should be.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// What they should be.
        what: &'static str,
        /// What is wrong with them.
        why: String,
    },
    /// Nobody that we are connected to follows the topic, so the announcement reached nobody.
    #[error("nobody we are connected to follows {0}")]
    NobodyListens(Topic),
    /// The announcement could not be sent.
    #[error("cannot announce")]
    Publish(#[source] PublishError),
    /// The topic cannot be followed.
    #[error("cannot follow {topic}: {why}")]
    Subscribe {
        /// The topic.
        topic: Topic,
        /// Why not.
        why: String,
    },
    /// The node follows as many topics as it may.
    #[error("this node already follows {0} topics, as many as it may")]
    TooManyTopics(usize),
    /// The node provides as many keys as it may.
    #[error("this node already provides {0} keys, as many as it may")]
    TooManyKeys(usize),
    /// The node leaves as many letters as it may.
    #[error("this node already leaves {0} letters, as many as it may")]
    TooManyLetters(usize),
    /// A letter was taken back, or replaced, before anybody kept it.
    #[error("the letter was taken back or replaced")]
    Withdrawn,
    /// The node was shut down.
    #[error("the node has stopped")]
    Stopped,
}
