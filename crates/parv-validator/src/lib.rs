//! The deterministic state machine of a swarm (`docs/src/validation.md` is its specification).
//!
//! Commits go in as bytes, verdicts and states come out. Nothing here opens a file or a socket, looks at a clock, draws a
//! random number, or depends on the order in which commits arrive: every device computes the same.
//!
//! * [`CheckedCommit`]: what can be said of a commit alone, structure and signature. [`replay`] checks many on all cores.
//! * [`Replica`]: judges each commit in its own past (`authority`, `kinds`), proves its tree against the rendered
//!   [`State`], and answers what a set of heads stands for (`resolve`).
//! * [`Draft`]: a commit to be written, made by the same code.
//! * [`settled`]: how a store keeps what is known of old commits, and brings a replica back.
//! * [`BlobSource`]: how the validator asks for the few files that a control event brings.

#![forbid(unsafe_code)]

mod ancestry;
mod attested;
mod authority;
mod behind;
mod checked;
mod content;
pub mod cores;
mod draft;
mod equivocation;
mod event;
pub mod event_set;
mod history;
mod kinds;
mod past;
mod render;
pub mod replay;
pub mod replica;
mod resolve;
mod restore;
mod revocation;
pub mod rules;
pub mod settled;
pub mod source;
mod state;
pub mod swarm;
pub mod tree;

pub use checked::{CheckedCommit, Signatures, Signed};
pub use content::Content;
pub use draft::{Credentials, Draft, DraftError};
pub use equivocation::Equivocation;
pub use replica::Checkpoint;
pub use source::{BlobSource, SourceError};
pub use state::State;
pub use swarm::Replica;
pub use tree::Rendered;
