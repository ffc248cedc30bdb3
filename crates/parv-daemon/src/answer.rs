//! What a request is answered with: plain data, the same over the socket, for `--json` and for printing.
//!
//! Ids are hexadecimal texts, times are seconds since 1970, and a mode is the number that stands in a conversation's
//! first commit.

pub use crate::push_view::PushView;
use crate::request::{mode_number, vote_name};
pub use parv::PushNews;

use parv::{CommitId, ConversationId, DeviceId, HeldFork, Mode, Role, Target, Uri, VoteKind};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The answer to a [`crate::Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "data", rename_all = "kebab-case")]
pub enum Answer {
    /// Who this is.
    Account(AccountView),
    /// A conversation that was begun or joined.
    Conversation(ConversationView),
    /// The conversations.
    Conversations(Vec<ConversationView>),
    /// The invitations that wait.
    Requests(Vec<RequestView>),
    /// A commit was written.
    Written(Written),
    /// An invitation was turned down, or a conversation left.
    Done {
        /// Which one.
        conversation: ConversationId,
    },
    /// Everybody who is blocked.
    Blocked(Vec<Uri>),
    /// Entries of a conversation, oldest first.
    Log(LogView),
    /// Who is in a conversation, and what is being voted on.
    Members(MembersView),
    /// What came of a moderation.
    Moderated(ModerationView),
    /// The node at that address is connected.
    Connected {
        /// The address.
        address: String,
    },
    /// Who is connected.
    Peers(Vec<PeerView>),
    /// How a device stands in the network.
    Network(NetworkView),
    /// How a device is woken, and which others it wakes.
    Push(PushView),
    /// What a push message says.
    PushNews(PushNews),
    /// From here on, events follow.
    Following,
}

/// An account on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Its address.
    pub uri: Uri,
    /// This device.
    pub device: DeviceId,
    /// What others see as its name.
    pub name: String,
    /// Where its data lies.
    pub folder: PathBuf,
    /// Where its node listens; empty when no node runs.
    pub addresses: Vec<String>,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationView {
    /// Its id.
    pub id: ConversationId,
    /// What it is.
    #[serde(with = "mode_number")]
    pub mode: Mode,
    /// Its title, if it has one.
    pub title: Option<String>,
    /// How many people are in it, admins included.
    pub members: usize,
    /// How many heads it has: more than one when people wrote at the same time and nobody has written since.
    pub heads: usize,
    /// How many entries its log has.
    pub messages: usize,
    /// Accepted, and still being fetched for the first time.
    pub syncing: bool,
}

/// One invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// To which conversation.
    pub id: ConversationId,
    /// Who invites.
    pub from: Uri,
    /// When it came.
    pub received: i64,
    /// What the conversation is.
    #[serde(with = "mode_number")]
    pub mode: Mode,
    /// Its title.
    pub title: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// A commit was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// In which conversation.
    pub conversation: ConversationId,
    /// The commit.
    pub commit: CommitId,
    /// Whether others have it.
    pub delivery: Delivery,
}

/// How far something that was written has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// The node hands it on, now and whenever it meets somebody who lacks it.
    Running,
    /// Somebody whom it concerns has it.
    Done,
    /// An invitation lies where the person finds it when they come online.
    Left,
    /// Nobody else is in the conversation.
    Nobody,
    /// No node runs any more; it is handed on the next time one does.
    Later,
}

/// A page of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogView {
    /// Which conversation.
    pub conversation: ConversationId,
    /// The entries, oldest first.
    pub entries: Vec<EntryView>,
}

/// One commit as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntryView {
    /// The commit.
    pub id: CommitId,
    /// Whose it is.
    pub author: Uri,
    /// What the author is in the conversation now; absent for a stranger.
    pub role: Option<Role>,
    /// What the author was called then.
    pub name: String,
    /// The device that wrote it.
    pub device: DeviceId,
    /// When it says it was written.
    pub time: i64,
    /// What it says, as it stands in the commit.
    pub message: serde_json::Value,
    /// `flagged` or `hidden`, if it was said at the same time as a ban of its author.
    #[serde(default)]
    pub content: Option<String>,
}

/// The people of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersView {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Everybody who ever was in it, by role.
    pub members: Vec<MemberView>,
    /// The votes that are open.
    pub votes: Vec<VoteView>,
    /// Resolutions that stand against each other with equal weight, so that none of them has an effect.
    #[serde(default)]
    pub undecided: Vec<ConflictView>,
    /// The devices that told different people different things.
    #[serde(default)]
    pub equivocations: Vec<EquivocationView>,
    /// Forks from far behind that wait for somebody to let them in.
    #[serde(default)]
    pub held: Vec<HeldFork>,
}

/// A resolution that stands against another one with equal weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictView {
    /// The resolution.
    pub commit: CommitId,
    /// What it would do.
    #[serde(with = "vote_name")]
    pub kind: VoteKind,
    /// To whom, or to which device.
    pub target: Target,
    /// Who wrote it.
    pub by: Uri,
}

/// A device that wrote two commits of which neither knows the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquivocationView {
    /// The device.
    pub device: DeviceId,
    /// Whose it is.
    pub account: Uri,
    /// The proof: two commits that it signed.
    pub commits: [CommitId; 2],
}

/// One person in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Who.
    pub uri: Uri,
    /// As what.
    pub role: Role,
    /// Their devices that may write.
    pub devices: Vec<DeviceId>,
    /// Their devices that are banned.
    #[serde(default)]
    pub banned_devices: Vec<DeviceId>,
}

/// One open vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoteView {
    /// For what.
    #[serde(with = "vote_name")]
    pub kind: VoteKind,
    /// On whom, or on which device.
    pub target: Target,
    /// The admins who voted so.
    pub voters: Vec<Uri>,
    /// Whether they are more than half of the admins.
    pub majority: bool,
}

/// What came of a moderation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModerationView {
    /// In which conversation.
    pub conversation: ConversationId,
    /// What was asked for.
    #[serde(with = "vote_name")]
    pub kind: VoteKind,
    /// For whom, or for which device.
    pub target: Target,
    /// The vote that was written; absent when it was cast before.
    pub vote: Option<CommitId>,
    /// The commit that carried it out; absent while there is no majority.
    pub resolution: Option<CommitId>,
    /// How many admins have voted so.
    pub votes: usize,
    /// How many admins there are. More than half of them must vote so.
    pub admins: usize,
    /// Whether others know of it.
    pub delivery: Delivery,
}

/// One connected node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerView {
    /// The device.
    pub device: DeviceId,
    /// Whose it is, when it has said so.
    pub account: Option<Uri>,
}

/// How a device stands in the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkView {
    /// Which device.
    pub device: DeviceId,
    /// Whether others can reach it without help: "public", "private", or "unknown" while nobody has tried.
    pub reachability: String,
    /// Where it listens, relayed addresses included.
    pub listening: Vec<String>,
    /// Where others reach it from anywhere, as far as is known.
    pub external: Vec<String>,
    /// The relays at which it holds a place, or has asked for one.
    pub relays: Vec<DeviceId>,
    /// How many peers its routing table holds.
    pub table_peers: usize,
    /// How many records it keeps for others and itself: who provides what.
    pub provider_records: usize,
    /// How many records it keeps for others and itself: where devices are.
    pub address_records: usize,
    /// How many letters it keeps for others and itself.
    pub letters: usize,
    /// Its connections.
    pub connections: Vec<ConnectionView>,
    /// The bootstrap nodes.
    pub bootstrap: Vec<BootstrapView>,
    /// What it does for others; absent for an ordinary node.
    pub service: Option<ServiceView>,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionView {
    /// With which device.
    pub device: DeviceId,
    /// Whose it is, when it has said so.
    pub account: Option<Uri>,
    /// Where the device is seen.
    pub address: String,
    /// Whether it leads through a relay.
    pub relayed: bool,
    /// Whether this side made it.
    pub outgoing: bool,
}

/// One bootstrap node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapView {
    /// Which device it is.
    pub device: DeviceId,
    /// Whether it is connected.
    pub connected: bool,
}

/// What a public node does for others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// How many devices hold a place.
    pub reservations: usize,
    /// How many connections are carried.
    pub circuits: usize,
}

impl NetworkView {
    /// The view of a status, with the accounts that the connected devices have shown.
    pub fn new(status: parv::NetStatus, peers: &[parv::Peer]) -> Self {
        let texts = |addresses: Vec<parv::Multiaddr>| addresses.iter().map(ToString::to_string).collect();
        let account = |device| peers.iter().find(|peer| peer.device == device).and_then(|peer| peer.account);
        let connection = |connection: parv::ConnectionStatus| ConnectionView {
            device: connection.device,
            account: account(connection.device),
            address: connection.address.to_string(),
            relayed: connection.relayed,
            outgoing: connection.outgoing,
        };
        let bootstrap = |(device, connected)| BootstrapView { device, connected };
        Self {
            device: status.device,
            reachability: match status.reachability {
                parv::Reachability::Unknown => "unknown",
                parv::Reachability::Public => "public",
                parv::Reachability::Private => "private",
            }
            .to_owned(),
            listening: texts(status.listening),
            external: texts(status.external),
            relays: status.relays,
            table_peers: status.table_peers,
            provider_records: status.provider_records,
            address_records: status.address_records,
            letters: status.letters,
            connections: status.connections.into_iter().map(connection).collect(),
            bootstrap: status.bootstrap.into_iter().map(bootstrap).collect(),
            service: status
                .service
                .map(|service| ServiceView { reservations: service.reservations, circuits: service.circuits }),
        }
    }
}

impl Answer {
    /// The data without the name of the answer, for programs that know what they asked for.
    pub fn data(&self) -> serde_json::Value {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(mut fields)) => fields.remove("data").unwrap_or_default(),
            other => unreachable!("an answer is always an object in JSON: {other:?}"),
        }
    }
}

impl From<parv::Request> for RequestView {
    fn from(request: parv::Request) -> Self {
        let parv::Request { id, from, received, mode, title, description, .. } = request;
        Self { id, from, received, mode, title, description }
    }
}

impl From<parv::ConversationInfo> for ConversationView {
    fn from(info: parv::ConversationInfo) -> Self {
        let parv::ConversationInfo { id, mode, title, members, syncing, heads, messages } = info;
        Self { id, mode, title, members, heads, messages, syncing }
    }
}

impl From<parv::LogEntry> for EntryView {
    /// The role is not known here.
    fn from(entry: parv::LogEntry) -> Self {
        let message = serde_json::from_slice(&entry.message.encode()).expect("a message is always JSON");
        let parv::LogEntry { id, author, device, name, time, content, .. } = entry;
        let content = content.map(|content| content.name().to_owned());
        Self { id, author, role: None, name, device, time, message, content }
    }
}

impl From<parv::Member> for MemberView {
    fn from(member: parv::Member) -> Self {
        let parv::Member { uri, role, devices, banned_devices } = member;
        Self { uri, role, devices, banned_devices }
    }
}

impl From<parv::OpenVote> for VoteView {
    fn from(vote: parv::OpenVote) -> Self {
        Self { kind: vote.kind, target: vote.target, voters: vote.voters, majority: vote.majority }
    }
}

impl From<parv::OpenConflict> for ConflictView {
    fn from(conflict: parv::OpenConflict) -> Self {
        let parv::OpenConflict { commit, kind, target, by } = conflict;
        Self { commit, kind, target, by }
    }
}

impl From<parv::Equivocation> for EquivocationView {
    fn from(found: parv::Equivocation) -> Self {
        let parv::Equivocation { device, account, commits } = found;
        Self { device, account, commits }
    }
}

impl From<parv::Peer> for PeerView {
    fn from(peer: parv::Peer) -> Self {
        Self { device: peer.device, account: peer.account }
    }
}
