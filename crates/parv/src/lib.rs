//! The engine: accounts, conversations, requests and sync, with typed events.
//!
//! This is the one floor where identity, validator, store and network meet, and the facade that programs embed:
//!
//! ```no_run
//! # async fn story() -> Result<(), parv::Error> {
//! use parv::{Account, Engine, Mode, NewAccount, Options};
//!
//! let account = Account::create("/tmp/alice".as_ref(), NewAccount { name: "Alice".into(), password: None })?;
//! let engine = Engine::start(account, Options::default()).await?;
//! let conversation = engine.create(Mode::InvitesOnly, None).await?;
//! conversation.send("hello swarm").await?;
//! engine.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! An [`Account`] is a folder with keys, opened by one process at a time. An [`Engine`] runs it: it opens every
//! conversation, connects, fetches what others wrote, and tells what happens by [`Event`]s. A [`Conversation`] is a
//! handle to one of them. [`audit`] judges repositories that lie anywhere, without an account; [`jami`] does so with
//! conversations of Jami.
//!
//! Not in here: what a commit may do (`parv-validator`), how Git objects and streams look (`parv-store`), how peers are
//! found and bytes travel (`parv-net`), and how things are shown to people (the faces).

#![forbid(unsafe_code)]

mod access;
pub mod account;
pub mod archive;
pub mod audit;
mod author;
mod bootstrap_list;
mod clock;
mod contacts;
mod conversation;
mod cores;
mod counters;
mod engine;
mod error;
mod event;
mod files;
mod folders;
pub mod jami;
mod json;
mod known_peers;
mod notice;
mod outbox;
mod people;
mod profile;
mod public_node;
mod read_letters;
mod replay;
mod requests;
mod sealed;
pub mod transcript;
mod trial;
mod turns;
mod view;
pub mod words;

pub use account::{Account, NewAccount};
pub use bootstrap_list::bootstrap_list;
pub use conversation::Conversation;
pub use engine::{Engine, LeaseHolder, Network, Options, PushNews, PushStatus, PushSubscription, Wake};
pub use error::{Error, chain};
pub use event::{DeviceChange, Event, MemberChange};
pub use parv_model::{
    BlobId, Call, CommitId, ConversationId, DeviceId, EditForm, FileAnnouncement, Message, Mode, ParseIdError, Refusal,
    Role, Rule, Target, TreeId, Uri, VoteKind,
};
pub use parv_net::{ConnectionStatus, Multiaddr, NetStatus, Reachability, ServiceStatus, peer_id};
pub use parv_push::{Gateway, Reach};
pub use parv_validator::Content;
pub use public_node::{PublicNode, PublicNodeOptions};
pub use requests::Request;
pub use view::{
    ConversationInfo, Equivocation, HeldFork, LogEntry, LogQuery, Member, Moderation, OpenConflict, OpenVote, Peer,
};
