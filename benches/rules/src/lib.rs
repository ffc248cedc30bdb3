//! What the rules cost, measured on conversations in memory: neither network nor disk takes part.
//!
//! * [`replay`]: a long history, against the bare verification of its signatures.
//! * [`conflict`]: a merge whose sides ban each other.
//! * [`costs`]: a message, a control event and a merge in groups of several sizes.

#![forbid(unsafe_code)]

pub mod conflict;
pub mod costs;
pub mod group;
pub mod replay;
pub mod sample;
pub mod table;
