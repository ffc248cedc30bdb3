//! The engine as a service: a control socket that other programs talk to.
//!
//! A running daemon holds an account's data folder and keeps its node connected. Everybody else who wants something
//! done with that account asks it over a unix socket in the account's folder: one JSON [`Request`] per line, one JSON
//! [`Reply`] per line back. [`perform()`] does what a request asks for; the daemon calls it for its clients, and the
//! `parv` command calls the very same function when no daemon runs, so that no verb's logic exists twice.
//!
//! Not in here: what a verb *means* (that is the engine, crate `parv`) and how an answer looks to a person (that is
//! the command, crate `parv-cli`).
//!
//! ```text
//! → {"verb":"send","conversation":"3f9a","text":"hello"}
//! ← {"ok":{"answer":"written","data":{"conversation":"3f9a…","commit":"77c0…"}}}
//! → {"verb":"send","conversation":"zz","text":"hello"}
//! ← {"failed":{"kind":"usage","message":"\"zz\" is not a conversation id: …"}}
//! ```

#![forbid(unsafe_code)]

pub mod address;
pub mod answer;
pub mod client;
pub mod failure;
mod lines;
pub mod metrics;
pub mod notice;
pub mod perform;
pub mod push_view;
pub mod request;
pub mod select;
pub mod server;

pub use answer::Answer;
pub use client::{Client, ClientError};
pub use failure::{Failure, FailureKind};
pub use notice::Notice;
pub use perform::perform;
pub use request::Request;
pub use server::{Server, ServerError};

use serde::{Deserialize, Serialize};

/// What the daemon writes back, one per line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It was done.
    Ok(Answer),
    /// It was not done.
    Failed(Failure),
    /// Something happened; only after [`Request::Events`].
    Event(Notice),
}
