//! What happens, in a form that crosses the socket: the engine's [`Event`]s as plain data.

use crate::answer::{ConflictView, EntryView, EquivocationView, RequestView};
use crate::request::vote_name;
use parv::{
    CommitId, ConversationId, DeviceChange, DeviceId, Event, HeldFork, MemberChange, Refusal, Target, Uri, VoteKind,
    Wake,
};
use serde::{Deserialize, Serialize};

/// Something happened. The names and fields are those of [`Event`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant and field means what it means in Event")]
pub enum Notice {
    RequestReceived(RequestView),
    ConversationReady {
        conversation: ConversationId,
    },
    ConversationRemoved {
        conversation: ConversationId,
    },
    Message {
        conversation: ConversationId,
        entry: EntryView,
    },
    Member {
        conversation: ConversationId,
        uri: Uri,
        by: Uri,
        change: Change,
        commit: CommitId,
    },
    Vote {
        conversation: ConversationId,
        by: Uri,
        #[serde(with = "vote_name")]
        kind: VoteKind,
        target: Target,
        commit: CommitId,
    },
    Device {
        conversation: ConversationId,
        device: DeviceId,
        by: Uri,
        change: Change,
        commit: CommitId,
    },
    Undecided {
        conversation: ConversationId,
        conflict: ConflictView,
    },
    Equivocation {
        conversation: ConversationId,
        #[serde(flatten)]
        proof: EquivocationView,
    },
    Held {
        conversation: ConversationId,
        fork: HeldFork,
    },
    Content {
        conversation: ConversationId,
        commit: CommitId,
        content: Option<String>,
    },
    Profile {
        conversation: ConversationId,
        by: Uri,
        commit: CommitId,
    },
    Merged {
        conversation: ConversationId,
        commit: CommitId,
    },
    Refused {
        conversation: ConversationId,
        peer: DeviceId,
        refusal: RefusalView,
    },
    RefusedByPeer {
        conversation: ConversationId,
        peer: DeviceId,
        commit: CommitId,
        rule: String,
        why: String,
    },
    FetchFailed {
        conversation: ConversationId,
        peer: DeviceId,
        why: String,
    },
    Connected {
        device: DeviceId,
        account: Uri,
    },
    Disconnected {
        device: DeviceId,
    },
    LeaseAnswered {
        device: DeviceId,
        refused: Option<String>,
    },
    Wake {
        conversation: ConversationId,
        device: DeviceId,
        outcome: Wake,
    },
    InviteLeft {
        conversation: ConversationId,
        uri: Uri,
        device: DeviceId,
    },
    InviteDelivered {
        conversation: ConversationId,
        uri: Uri,
        device: DeviceId,
    },
    Fetched {
        conversation: ConversationId,
        device: DeviceId,
        heads: Vec<CommitId>,
    },
    /// Something that this version of the socket has no words for; the text is the engine's own.
    Other {
        text: String,
    },
    /// The reader was too slow, and so many events are lost to it.
    Missed {
        count: u64,
    },
}

/// What happened to a person or a device in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each means what it means in MemberChange and DeviceChange")]
pub enum Change {
    Added,
    Joined,
    Left,
    Banned,
    Unbanned,
    Promoted,
    Demoted,
}

/// A refused commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalView {
    /// Which one.
    pub commit: CommitId,
    /// The name of the rule it breaks.
    pub rule: String,
    /// What is wrong, in plain words.
    pub why: String,
}

impl From<Refusal> for RefusalView {
    fn from(refusal: Refusal) -> Self {
        Self { commit: refusal.commit, rule: refusal.rule.name().to_owned(), why: refusal.why }
    }
}

impl From<MemberChange> for Change {
    fn from(change: MemberChange) -> Self {
        match change {
            MemberChange::Added => Change::Added,
            MemberChange::Joined => Change::Joined,
            MemberChange::Left => Change::Left,
            MemberChange::Banned => Change::Banned,
            MemberChange::Unbanned => Change::Unbanned,
            MemberChange::Promoted => Change::Promoted,
            MemberChange::Demoted => Change::Demoted,
        }
    }
}

impl From<Event> for Notice {
    fn from(event: Event) -> Self {
        match event {
            Event::RequestReceived(request) => Notice::RequestReceived(request.into()),
            Event::ConversationReady { conversation } => Notice::ConversationReady { conversation },
            Event::ConversationRemoved { conversation } => Notice::ConversationRemoved { conversation },
            Event::Message { conversation, entry } => Notice::Message { conversation, entry: entry.into() },
            Event::Member { conversation, uri, by, change, commit } => {
                Notice::Member { conversation, uri, by, change: change.into(), commit }
            }
            Event::Vote { conversation, by, kind, target, commit } => {
                Notice::Vote { conversation, by, kind, target, commit }
            }
            Event::Device { conversation, device, by, change, commit } => {
                let change = match change {
                    DeviceChange::Banned => Change::Banned,
                    DeviceChange::Unbanned => Change::Unbanned,
                };
                Notice::Device { conversation, device, by, change, commit }
            }
            Event::Undecided { conversation, conflict } => {
                Notice::Undecided { conversation, conflict: conflict.into() }
            }
            Event::Equivocation { conversation, proof } => Notice::Equivocation { conversation, proof: proof.into() },
            Event::Held { conversation, fork } => Notice::Held { conversation, fork },
            Event::Content { conversation, commit, content } => {
                Notice::Content { conversation, commit, content: content.map(|content| content.name().to_owned()) }
            }
            Event::Profile { conversation, by, commit } => Notice::Profile { conversation, by, commit },
            Event::Merged { conversation, commit } => Notice::Merged { conversation, commit },
            Event::Refused { conversation, peer, refusal } => {
                Notice::Refused { conversation, peer, refusal: refusal.into() }
            }
            Event::RefusedByPeer { conversation, peer, commit, rule, why } => {
                Notice::RefusedByPeer { conversation, peer, commit, rule, why }
            }
            Event::FetchFailed { conversation, peer, why } => Notice::FetchFailed { conversation, peer, why },
            Event::Connected { device, account } => Notice::Connected { device, account },
            Event::Disconnected { device } => Notice::Disconnected { device },
            Event::LeaseAnswered { device, refused } => Notice::LeaseAnswered { device, refused },
            Event::Wake { conversation, device, outcome } => Notice::Wake { conversation, device, outcome },
            Event::InviteLeft { conversation, uri, device } => Notice::InviteLeft { conversation, uri, device },
            Event::InviteDelivered { conversation, uri, device } => {
                Notice::InviteDelivered { conversation, uri, device }
            }
            Event::Fetched { conversation, device, heads } => Notice::Fetched { conversation, device, heads },
            other => Notice::Other { text: format!("{other:?}") },
        }
    }
}
