//! The vocabulary of a swarm.
//!
//! This is the ground floor of the house: ids, modes, roles, messages, tree paths, the commit format, limits, and the
//! reasons for which something is refused. It knows formats, never rules: what a commit *may* do is the validator's
//! business, who signed it the identity crate's.
//!
//! Everything here is pure: no clock, no randomness, no IO.

#![forbid(unsafe_code)]

pub mod cbor;
pub mod commit;
pub mod id;
pub mod limits;
pub mod message;
pub mod mode;
pub mod object;
pub mod path;
pub mod refusal;
pub mod target;

pub use commit::{Commit, CommitFormatError, DisplayName};
pub use id::{BlobId, CommitId, ConversationId, DeviceId, ParseIdError, TreeId, Uri};
pub use message::{Call, EditForm, FileAnnouncement, Message, MessageError, VoteKind};
pub use mode::{Mode, Role};
pub use path::{Category, TreePath};
pub use refusal::{Refusal, Rule};
pub use target::Target;
