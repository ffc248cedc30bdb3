//! Conversations as Git repositories.
//!
//! A [`Repository`] is one conversation's bare Git repository, which stock git can read at every moment. It is durable:
//! objects are on the disk before a head names them, and all heads move in one atomic step. What comes from other devices
//! ([`fetch()`](fetch::fetch)) stays in a [`Quarantine`] until it was judged; what others ask for is answered by
//! [`upload_pack::serve`].
//!
//! The crate knows objects, heads, packs and streams, never rules: whether a commit is *allowed* is the validator's
//! business, and nothing here may move a head without being told to. It is the only crate that sees gix. Its calls block;
//! a caller on an async runtime runs them on blocking threads.
//!
//! Beside the repository lies an [`index`] of its commits, which is derived, and built by who knows the rules.
//!
//! What belongs to a conversation is what can be reached from its heads, nothing else. Objects that a crash left behind,
//! or that were migrated for heads that were never moved, have no meaning: they are neither offered to others nor trusted.

#![forbid(unsafe_code)]

#[cfg(test)]
extern crate self as parv_store; // for what all tests share

mod bundle;
mod burst;
mod closure;
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;
mod consolidate;
mod database;
mod delta;
mod durable;
mod error;
pub mod fetch;
mod foreign;
#[cfg(test)]
mod forgetful;
mod history;
pub mod index;
mod journal;
mod layout;
mod loose;
mod objects;
mod pack;
mod pack_index;
mod pack_writer;
mod packed_links;
mod pkt_line;
mod quarantine;
mod received;
mod refs;
mod repository;
mod tree;
pub mod upload_pack;
mod view;

pub use consolidate::Consolidated;
pub use error::StoreError;
pub use fetch::{FetchError, FetchLimits, fetch};
pub use foreign::{CommitReader, Foreign, ForeignError};
pub use index::{Index, IndexRow};
pub use objects::TreeEntry;
pub use quarantine::Quarantine;
pub use refs::MAX_HEADS;
pub use repository::{NewCommit, Repository};
pub use upload_pack::{ServeError, ServeLimits, Served};
