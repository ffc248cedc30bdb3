//! How announcements travel in a conversation: many real nodes of `parv-net` in one process, on loopback sockets.
//!
//! A [`Crowd`] is the conversation: it grows, loses half of its members at once, is cut into halves and healed. Its members
//! do what an engine does with announcements and heads, without the history behind them: whoever hears of a text has it.
//! What that takes is told as [`Figures`], and drawn by [`plot`].

#![forbid(unsafe_code)]

mod board;
mod crowd;
mod figures;
mod member;
pub mod plot;
pub mod story;

pub use crowd::Crowd;
pub use figures::{Figures, Spread};
pub use member::JUDGING;
