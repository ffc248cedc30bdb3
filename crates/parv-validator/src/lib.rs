//! The deterministic state machine of a swarm: structure, authority, kinds, resolve and render. Sans-IO.

#![forbid(unsafe_code)]

pub mod source;

pub use source::{BlobSource, SourceError};
