//! The attack corpus: every attack of the design (validation §9) that can be mounted with what exists, each a test of its
//! own. Hostile histories are made with real keys and real Git objects, and a real node serves them over a socket to two
//! honest engines: one that has the honest part (fetch) and one that accepts an invitation (clone). Both have to refuse
//! them for the right rule and in the right words, their folders have to stay as they were, byte by byte, and the honest
//! form of the same has to be let in afterwards.
//!
//! | attack | where |
//! |---|---|
//! | a file in an edit, text, vote, profile update; leave that adds one; merge that takes the older side; side branch older than the merge base; deletion of one's own certificate | `files` |
//! | names with newline, ` \| `, `..`, `.git` in disguise, case and Unicode folding; symlink profile | `names` |
//! | a banned device that rides in again, binary certificate, malformed PEM, device certificate with the victim's name and another signature, vote ∥ revocation of the voting device | `certificates` |
//! | leave in another's name, admins counted elsewhere, exactly half, plain add of the banned, PUBLIC joined again, forged `invited` | `rules` |
//! | backdated, withheld, late branch of a banned device, sybils, two faces, whiteout, former sole admin, fork of the beginning, grinding, former majority, future dates, second root, commit of another conversation | `history` |
//! | signature stripped, doubled, rewrapped, namespace, small-order key, non-canonical S | `signatures` |
//! | inflation and delta bombs, requests for rejected or foreign objects, certificates trusted before validation | `deliveries` |
//!
//! Some break no rule: two faces, grinding, a ban on an old parent, forks by somebody who is still a member. They are let
//! in, and what is shown is that they change nothing (`Stage::has_no_effect`), or the same for everybody.
//!
//! Not here, for want of what they attack:
//!
//! | attack | why |
//! |---|---|
//! | typing or receipts from outsiders | there are no such messages; nonsense from strangers is in `tests/hostile.rs` |
//!
//! The rooms: `stage` sets the scene and judges, `hostile` is the node, `wire` makes packs by hand.

#[path = "../common/bare.rs"]
mod bare;
#[path = "../common/mod.rs"]
mod common;

mod certificates;
mod deliveries;
mod files;
mod history;
mod hostile;
mod names;
mod rules;
mod signatures;
mod stage;
mod wire;
#[path = "../common/worlds.rs"]
mod worlds;
