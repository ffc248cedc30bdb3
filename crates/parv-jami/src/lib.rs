//! Conversations of Jami: their format, and their rules on the validator's core.
//!
//! A conversation of Jami is a Git repository like one of ours, but with RSA keys, X.509 chains, its own tree and messages,
//! and merges that are Git's. This crate reads such histories and judges them; it writes none.
//!
//! * [`Commit`](commit::Commit), [`Message`](message::Message), [`certificate`], [`path`], [`id`]: the format.
//! * [`CheckedCommit`]: what can be said of a commit alone. Check many in parallel against a [`Keyring`].
//! * [`Replica`]: the validator's replay under [`JamiRules`]: who may say what, what it changes (`kinds`), and what concurrent
//!   changes come to (`three_way`). Every tree must be the one that follows.
//! * [`lenience`]: where the original lets through what it describes otherwise.
//! * [`infos`]: what a conversation says of itself.
//!
//! Like the validator it opens no file and no socket and looks at no clock; trees and files come from [`Objects`].

#![forbid(unsafe_code)]

pub mod certificate;
mod checked;
pub mod commit;
pub mod id;
pub mod infos;
mod key;
mod kinds;
pub mod lenience;
pub mod message;
pub mod path;
mod rules;
pub mod source;
mod state;
mod three_way;

pub use parv_model::Role;

pub use checked::{CheckedCommit, Keyring, Signature};
pub use key::PublicKey;
pub use rules::{JamiRules, Replica};
pub use source::Objects;
pub use state::State;
