//! What each fuzz target holds to be true, as an ordinary function of bytes.
//!
//! The programs in `fuzz_targets/` hand these functions to libFuzzer; `tests/replay.rs` runs them over the committed
//! seeds, without a fuzzer; `examples/seeds.rs` makes those seeds. A function says what it found by panicking.

#![forbid(unsafe_code)]

pub mod announcement;
pub mod certificate;
pub mod commit;
pub mod crl;
pub mod fetch;
pub mod hello;
pub mod history;
pub mod issue;
pub mod jami;
pub mod json;
pub mod message;
pub mod pack;
pub mod request;
pub mod sample;
pub mod serve;
pub mod sshsig;
pub mod wire;

// The codecs of `parv-net` as they stand there, but not the node around them: to instrument libp2p and its C library
// would take most of the time that a fuzz run has. They name their crate's limits and its error.
#[path = "../../crates/parv-net/src/limits.rs"]
#[allow(dead_code, reason = "most limits are the node's")]
mod limits;
use wire::NetError;

#[path = "../../crates/parv/src/sealed.rs"]
mod sealed;

// The files of the house that are compiled in here find under the names of its crates what they want of them.
extern crate self as parv;
extern crate self as parv_net;
use parv_model::{CommitId, Mode, Uri, VoteKind};
use wire::Envelope;

/// What one target holds to be true of its input.
pub type Property = fn(&[u8]);

/// Every target by its name, which is also that of its program and of its folder of seeds.
pub const TARGETS: [(&str, Property); 16] = [
    ("announcement", announcement::hold),
    ("certificate", certificate::hold),
    ("commit", commit::hold),
    ("crl", crl::hold),
    ("fetch", fetch::hold),
    ("hello", hello::hold),
    ("history", history::hold),
    ("issue", issue::hold),
    ("jami", jami::hold),
    ("json", json::hold),
    ("message", message::hold),
    ("pack", pack::hold),
    ("request", request::hold),
    ("serve", serve::hold),
    ("sshsig", sshsig::hold),
    ("wire", wire::hold),
];
