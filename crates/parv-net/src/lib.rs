//! Peers and bytes: a libp2p node with streams, messages, announcements and discovery.
//!
//! A [`Node`] is a device on the network. It connects to other devices (TCP with Noise or TLS 1.3, QUIC), proves who it
//! is and learns who they are, and
//!
//! - opens and takes streams for fetching conversations ([`Node::open_git`], [`Event::GitRequest`]),
//! - sends and takes small messages ([`Node::send`], [`Event::Message`]),
//! - makes and relays announcements on topics ([`Node::publish`], [`Event::Announcement`]), and keeps up links with a few
//!   of those who follow them ([`Node::set_followers`]),
//! - finds devices and what they provide in a distributed table and on the local network,
//! - leaves letters for devices that are not there, and finds those that were left for it ([`Node::leave_letter`],
//!   [`Event::Letter`]),
//! - says in that table where it is, and reserves places at relays when nobody can reach it ([`Reachability`]),
//! - as a public node, relays for others and tells them whether they can be reached ([`NodeConfig::public`]),
//! - says how it stands and what it has done ([`Node::status`], [`Telemetry`]).
//!
//! What is not here: any rule of a conversation. Whether a device may fetch is asked of a [`Policy`]; whether an
//! announcement is good, its owner says with [`Node::judge`]; who belongs to a topic, the owner knows.
//!
//! Inside, the swarm is one task (`driver`) that owns all state; [`Node`] sends it commands, [`Event`]s come out. Each
//! inbound stream has a task of its own, bounded in number and time, so that no peer can hold up another.

#![forbid(unsafe_code)]

mod address_record;
mod addresses;
mod behaviour;
mod blocking;
mod config;
mod driver;
mod envelope;
mod error;
mod event;
mod frame;
mod git;
mod gossip;
mod handshakes;
mod kept;
pub mod limits;
mod linking;
mod links;
mod mailbox;
mod message;
mod node;
mod outbox;
mod peer;
mod publications;
mod redial;
mod shelf;
mod signed;
mod status;
mod streams;
mod table;
mod telemetry;
mod topic;

pub use address_record::AddressRecord;
pub use addresses::KnownPeer;
pub use blocking::{BlockingReader, BlockingWriter};
pub use config::NodeConfig;
pub use driver::Reachability;
pub use envelope::Envelope;
pub use error::NetError;
pub use event::{Acceptance, AnnouncementHandle, Event};
pub use git::GitStream;
pub use libp2p::{Multiaddr, PeerId};
pub use mailbox::{Letter, Purpose};
pub use node::{Node, Policy};
pub use peer::{device_id, peer_id};
pub use status::{ConnectionStatus, NetStatus, ServiceStatus};
pub use telemetry::Telemetry;
pub use topic::{Key, Topic};
