//! What a face shows of a conversation: plain data, a copy of how things stood when it was asked for.

use crate::json;
use parv_model::{CommitId, ConversationId, DeviceId, Message, Mode, Role, Target, Uri, VoteKind};
use parv_validator::Content;
use serde::{Deserialize, Serialize};

/// One conversation at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConversationInfo {
    /// Which one.
    pub id: ConversationId,
    /// What it is.
    #[serde(serialize_with = "json::mode")]
    pub mode: Mode,
    /// Its title, if its profile gives it one.
    pub title: Option<String>,
    /// How many people may write: members and admins. While syncing: 2, the own account and the inviter.
    pub members: usize,
    /// Accepted, and still being fetched for the first time.
    pub syncing: bool,
    /// How many heads the history has; the next one who writes makes them one. 0 while syncing.
    pub heads: usize,
    /// How many entries the log has. 0 while syncing.
    pub messages: usize,
}

/// Somebody in a conversation, or who once was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Who.
    pub uri: Uri,
    /// What they are now.
    pub role: Role,
    /// Their devices that may write, in the order of their ids.
    pub devices: Vec<DeviceId>,
    /// Their devices that are banned, in the order of their ids.
    pub banned_devices: Vec<DeviceId>,
}

/// A vote that is not resolved yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenVote {
    /// For what.
    #[serde(serialize_with = "json::vote_kind")]
    pub kind: VoteKind,
    /// About whom, or about which device.
    pub target: Target,
    /// The admins who voted for it.
    pub voters: Vec<Uri>,
    /// Whether they are more than half of the admins, so that any admin may resolve it.
    pub majority: bool,
}

/// A resolution that stands against another one with equal weight. Neither has an effect until the admins decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OpenConflict {
    /// The resolution.
    pub commit: CommitId,
    /// What it would do.
    #[serde(serialize_with = "json::vote_kind")]
    pub kind: VoteKind,
    /// To whom, or to which device.
    pub target: Target,
    /// Who wrote it.
    pub by: Uri,
}

/// A device wrote two commits of which neither knows the other: it was copied or restored from an old backup, or it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Equivocation {
    /// The device.
    pub device: DeviceId,
    /// Whose it is.
    pub account: Uri,
    /// The proof: two commits that it signed.
    pub commits: [CommitId; 2],
}

impl From<parv_validator::Equivocation> for Equivocation {
    fn from(found: parv_validator::Equivocation) -> Self {
        let parv_validator::Equivocation { device, account, commits } = found;
        Self { device, account, commits }
    }
}

/// A fork from far behind, older than what this account's devices agreed on: valid, and not let in by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFork {
    /// Its head.
    pub head: CommitId,
    /// Who wrote that.
    pub by: Uri,
    /// The device that offered it first.
    pub from: DeviceId,
    /// When, in seconds since 1970.
    pub since: i64,
}

/// Which part of a log to show: the newest entries, or the newest before some commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogQuery {
    /// At most so many entries, the newest of them; all when absent.
    pub limit: Option<usize>,
    /// Only entries that stand before this commit in display order.
    pub before: Option<CommitId>,
    /// Also what is hidden, because its author was banned at the time and nobody took it up.
    pub hidden: bool,
}

/// One commit as the log shows it. Merges say nothing and are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// The commit.
    pub id: CommitId,
    /// Whose device wrote it.
    pub author: Uri,
    /// The device.
    pub device: DeviceId,
    /// What the author was called then.
    pub name: String,
    /// When it says it was written, in seconds since 1970. A claim, no more.
    pub time: i64,
    /// What it says.
    #[serde(serialize_with = "json::message")]
    pub message: Message,
    /// Set if it was said at the same time as a ban of its author or its device: whether somebody had taken it up before
    /// hearing of the ban, or it is hidden.
    #[serde(serialize_with = "json::content")]
    pub content: Option<Content>,
}

/// What came of [`crate::Conversation::moderate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Moderation {
    /// The own vote, if it was not cast before.
    pub vote: Option<CommitId>,
    /// The commit that resolved the vote, if there was a majority.
    pub resolution: Option<CommitId>,
    /// How many admins voted for it.
    pub votes: usize,
    /// How many admins there were.
    pub admins: usize,
}

/// A device that is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The device, as the connection proves it.
    pub device: DeviceId,
    /// Whose it is, by the certificate that it showed.
    pub account: Option<Uri>,
}
