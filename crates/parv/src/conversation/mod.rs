//! One conversation: what people do in it.
//!
//! [`Conversation`] is a handle. Behind it one task, the [`actor`], owns the [`ledger`] (repository, replay, heads), so
//! writes and what is fetched are judged one after the other, and no lock is held over anything slow. Fetches run beside
//! it ([`fetch`], planned by [`schedule`]); reading the [`log`] needs neither.

pub(crate) mod actor;
pub(crate) mod awareness;
pub(crate) mod fetch;
mod keeper;
mod kept;
pub(crate) mod ledger;
mod log;
mod pipeline;
mod queue;
mod ripples;
pub(crate) mod room;
mod schedule;
mod tell;
mod tidy;
pub(crate) mod writing;

use crate::Error;
use crate::engine::hub::Hub;
use crate::engine::{invitations, leaving};
use crate::view::{
    ConversationInfo, Equivocation, HeldFork, LogEntry, LogQuery, Member, Moderation, OpenConflict, OpenVote,
};
use parv_model::{CommitId, ConversationId, DeviceId, Message, Role, Target, TreeId, Uri, VoteKind};
use parv_store::StoreError;
use room::Room;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// A handle to one conversation. Cheap to clone; all clones are the same conversation.
#[derive(Clone)]
pub struct Conversation {
    hub: Arc<Hub>,
    room: Room,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Conversation").field(&self.id()).finish()
    }
}

impl Conversation {
    pub(crate) fn new(hub: Arc<Hub>, room: Room) -> Self {
        Self { hub, room }
    }

    /// Which one: the id of its first commit.
    pub fn id(&self) -> ConversationId {
        self.room.id()
    }

    /// The conversation at a glance.
    pub fn info(&self) -> ConversationInfo {
        self.room.info()
    }

    /// Invites somebody: the commit is written, and the invitation is delivered now or when they come online
    /// ([`crate::Event::InviteDelivered`]).
    ///
    /// Inviting somebody who is invited already writes nothing, and only delivers the invitation again.
    pub async fn invite(&self, uri: &Uri) -> Result<CommitId, Error> {
        let standing = self.room.invitation(uri).filter(|_| self.room.view().state.role(uri) == Some(Role::Invited));
        let commit = match standing {
            Some(commit) => commit,
            None => self.room.write(Message::Add(*uri), None).await?,
        };
        invitations::offer(&self.hub, self.id(), *uri, commit)?;
        Ok(commit)
    }

    /// Writes a text. It is durable when this returns; others get it as they can be reached.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for an empty one, too: nobody is told of a text without words.
    pub async fn send(&self, text: &str) -> Result<CommitId, Error> {
        if text.is_empty() {
            return Err(Error::NotAllowed("a message has at least one character".into()));
        }
        self.room.write(Message::Text { body: text.to_owned() }, None).await
    }

    /// The log in display order, oldest first: the same on every device that has the same commits.
    pub async fn log(&self, query: LogQuery) -> Result<Vec<LogEntry>, Error> {
        match self.read_log(query).await {
            Err(Error::Store(StoreError::Index(_))) => {
                self.room.keep_anew().await?;
                self.read_log(query).await
            }
            read => read,
        }
    }

    async fn read_log(&self, query: LogQuery) -> Result<Vec<LogEntry>, Error> {
        let room = self.room.clone();
        spawn_blocking(move || room.log(query)).await.map_err(|_| Error::Closed)?
    }

    /// Everybody who ever was in it, by URI.
    pub fn members(&self) -> Vec<Member> {
        let state = &self.room.view().state;
        let (mut devices, mut banned) = (by_account(state.devices()), by_account(state.banned_devices()));
        let member = |(uri, role)| Member {
            uri,
            role,
            devices: devices.remove(&uri).unwrap_or_default(),
            banned_devices: banned.remove(&uri).unwrap_or_default(),
        };
        state.people().map(member).collect()
    }

    /// The votes that are open.
    pub fn votes(&self) -> Vec<OpenVote> {
        let state = &self.room.view().state;
        let vote = |(kind, target)| OpenVote {
            kind,
            target,
            voters: state.votes(kind, target),
            majority: state.majority(kind, target),
        };
        state.open_votes().into_iter().map(vote).collect()
    }

    /// Resolutions that stand against each other with equal weight, so that none of them has an effect. The admins decide
    /// by voting again.
    pub fn conflicts(&self) -> Vec<OpenConflict> {
        self.room.view().conflicts.clone()
    }

    /// The devices that told different people different things, with the proof.
    pub fn equivocations(&self) -> Vec<Equivocation> {
        self.room.view().equivocations.clone()
    }

    /// Forks from far behind that wait for somebody to let them in.
    pub fn held(&self) -> Vec<HeldFork> {
        self.room.view().held.clone()
    }

    /// Lets a held fork in, as if it had been no fork from far behind.
    pub async fn let_in(&self, head: &CommitId) -> Result<(), Error> {
        self.room.let_in(*head).await
    }

    /// Votes, as an admin, on somebody or on a single device. Resolves nothing; see [`Self::moderate`].
    pub async fn vote(&self, kind: VoteKind, target: impl Into<Target>) -> Result<CommitId, Error> {
        self.room.write(Message::Vote(kind, target.into()), None).await
    }

    /// Votes if that is not done yet, and resolves the vote if more than half of the admins voted so.
    pub async fn moderate(&self, kind: VoteKind, target: impl Into<Target>) -> Result<Moderation, Error> {
        self.room.moderate(kind, target.into()).await
    }

    /// Replaces the profile: a vCard with title (`FN`), description (`DESCRIPTION`) and picture (`PHOTO`).
    pub async fn update_profile(&self, vcard: Vec<u8>) -> Result<CommitId, Error> {
        self.room.write(Message::UpdateProfile, Some(vcard)).await
    }

    /// Leaves for good. The conversation is no longer listed here when this returns. Its folder is erased when another
    /// member's device has the news, or at once if there is no other member; until then this device goes on offering it.
    pub async fn leave(&self) -> Result<(), Error> {
        leaving::leave(&self.hub, &self.room).await
    }

    /// The ends of the history, sorted. The next one who writes merges them.
    pub fn heads(&self) -> Vec<CommitId> {
        self.room.view().heads.clone()
    }

    /// The tree that all heads together make.
    pub fn tree(&self) -> TreeId {
        self.room.view().state.tree()
    }
}

/// Devices by their accounts.
fn by_account(devices: impl Iterator<Item = (DeviceId, Uri)>) -> BTreeMap<Uri, Vec<DeviceId>> {
    let mut sorted: BTreeMap<Uri, Vec<DeviceId>> = BTreeMap::new();
    devices.for_each(|(device, account)| sorted.entry(account).or_default().push(device));
    sorted
}
