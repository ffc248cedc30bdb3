//! What the engine tells whoever listens.
//!
//! Events come through a bounded broadcast channel: a listener that falls far behind misses the oldest ones and is told
//! how many. Nothing depends on them; what they say can always be asked for again.

use crate::engine::Wake;
use crate::json;
use crate::requests::Request;
use crate::view::{Equivocation, HeldFork, LogEntry, OpenConflict};
use parv_model::{CommitId, ConversationId, DeviceId, Refusal, Target, Uri, VoteKind};
use parv_validator::Content;
use serde::Serialize;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// Somebody invites.
    RequestReceived(Request),
    /// A conversation was created, or an accepted one was cloned and joined.
    ConversationReady {
        /// Which one.
        conversation: ConversationId,
    },
    /// The conversation is no longer listed here: the own account left it.
    ConversationRemoved {
        /// Which one.
        conversation: ConversationId,
    },
    /// Something was said, here or elsewhere: a text, a reply, a reaction, an edit, a file, a call.
    Message {
        /// In which conversation.
        conversation: ConversationId,
        /// What was said, with its author and commit.
        entry: LogEntry,
    },
    /// Somebody's part in a conversation changed.
    Member {
        /// In which conversation.
        conversation: ConversationId,
        /// Whose.
        uri: Uri,
        /// Who wrote the commit that did it.
        by: Uri,
        /// What happened to them.
        change: MemberChange,
        /// The commit that did it.
        commit: CommitId,
    },
    /// An admin voted.
    Vote {
        /// In which conversation.
        conversation: ConversationId,
        /// Who voted.
        by: Uri,
        /// For what.
        #[serde(serialize_with = "json::vote_kind")]
        kind: VoteKind,
        /// About whom, or about which device.
        target: Target,
        /// The vote.
        commit: CommitId,
    },
    /// A single device was banned or let back.
    Device {
        /// In which conversation.
        conversation: ConversationId,
        /// Which device.
        device: DeviceId,
        /// Who wrote the commit that did it.
        by: Uri,
        /// What happened to it.
        change: DeviceChange,
        /// The commit that did it.
        commit: CommitId,
    },
    /// A resolution stands against another one with equal weight, so that neither has an effect until the admins decide.
    Undecided {
        /// In which conversation.
        conversation: ConversationId,
        /// The resolution.
        conflict: OpenConflict,
    },
    /// A device wrote two commits of which neither knows the other: it was copied or restored from an old backup, or it
    /// lies. Both are signed by it.
    Equivocation {
        /// In which conversation.
        conversation: ConversationId,
        /// The device, and the proof.
        #[serde(flatten)]
        proof: Equivocation,
    },
    /// A device offers a fork from far behind. It is held until somebody lets it in
    /// ([`Conversation::let_in`](crate::Conversation::let_in)).
    Held {
        /// In which conversation.
        conversation: ConversationId,
        /// The fork.
        fork: HeldFork,
    },
    /// Something was said at the same time as a ban of its author or its device, and is shown in another way from now on.
    Content {
        /// In which conversation.
        conversation: ConversationId,
        /// What was said.
        commit: CommitId,
        /// Flagged, hidden, or as everything else.
        #[serde(serialize_with = "json::content")]
        content: Option<Content>,
    },
    /// Title, description or picture were changed.
    Profile {
        /// Of which conversation.
        conversation: ConversationId,
        /// By whom.
        by: Uri,
        /// The commit that did it.
        commit: CommitId,
    },
    /// Two heads became one.
    Merged {
        /// In which conversation.
        conversation: ConversationId,
        /// The merge.
        commit: CommitId,
    },
    /// A peer offered something that breaks the rules. Nothing of it stays.
    Refused {
        /// In which conversation.
        conversation: ConversationId,
        /// Who offered it.
        peer: DeviceId,
        /// The commit, the rule and the reason.
        #[serde(serialize_with = "json::refusal")]
        refusal: Refusal,
    },
    /// A peer refused what this device offered, and says why.
    RefusedByPeer {
        /// In which conversation.
        conversation: ConversationId,
        /// Who refused it.
        peer: DeviceId,
        /// The commit, as the peer says.
        commit: CommitId,
        /// The name of the rule, as the peer says.
        rule: String,
        /// The reason, as the peer says.
        why: String,
    },
    /// Fetching from a peer failed: it is gone, silent, or sends what is no history. Nothing of it stays.
    FetchFailed {
        /// Of which conversation.
        conversation: ConversationId,
        /// From whom.
        peer: DeviceId,
        /// What went wrong.
        why: String,
    },
    /// A device is connected and has shown whose it is.
    Connected {
        /// The device.
        device: DeviceId,
        /// Its account.
        account: Uri,
    },
    /// A device that was given a lease, so that it wakes this one, says what becomes of it.
    LeaseAnswered {
        /// The device.
        device: DeviceId,
        /// Why it does not keep the lease.
        refused: Option<String>,
    },
    /// This device had to wake another one, which sleeps.
    Wake {
        /// Because of what is new in this conversation.
        conversation: ConversationId,
        /// The device.
        device: DeviceId,
        /// How that went.
        outcome: Wake,
    },
    /// A device is no longer connected.
    Disconnected {
        /// The device.
        device: DeviceId,
    },
    /// A device fetched from this one, and has these heads of the conversation now with all that they reach.
    Fetched {
        /// Which conversation.
        conversation: ConversationId,
        /// Which device.
        device: DeviceId,
        /// The heads it has.
        heads: Vec<CommitId>,
    },
    /// An invitation lies in the mailbox of a device of the invited person, who finds it when they come online, also if this
    /// device is gone by then.
    InviteLeft {
        /// To which conversation.
        conversation: ConversationId,
        /// Whom.
        uri: Uri,
        /// For which of their devices.
        device: DeviceId,
    },
    /// An invitation reached a device of the invited person.
    InviteDelivered {
        /// To which conversation.
        conversation: ConversationId,
        /// Whom.
        uri: Uri,
        /// Which of their devices.
        device: DeviceId,
    },
}

/// What happened to a device in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceChange {
    /// It may not write any more, by a majority of the admins; its account is what it was.
    Banned,
    /// It may write again, by a majority of the admins.
    Unbanned,
}

/// What happened to a person in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberChange {
    /// Was invited.
    Added,
    /// Took up the invitation.
    Joined,
    /// Went.
    Left,
    /// Was removed by a majority of the admins.
    Banned,
    /// Was let back by a majority of the admins.
    Unbanned,
    /// Became an admin.
    Promoted,
    /// Is no longer an admin.
    Demoted,
}
