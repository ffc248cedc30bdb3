//! The door to an actor: commands go in, and what anybody may look at without asking it.

use super::actor::Command;
use super::awareness::Awareness;
use super::ledger::Ledger;
use super::log::{self, LogIndex};
use super::writing::Wish;
use crate::Error;
use crate::profile::Profile;
use crate::view::{ConversationInfo, Equivocation, HeldFork, LogEntry, LogQuery, Moderation, OpenConflict};
use parv_model::limits::MAX_PROFILE_BYTES;
use parv_model::{CommitId, ConversationId, Message, Target, Uri, VoteKind};
use parv_net::AnnouncementHandle;
use parv_store::Repository;
use parv_validator::{BlobSource, State};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{mpsc, oneshot, watch};

/// How things stand in a conversation.
pub(crate) struct View {
    pub(crate) state: Arc<State>,
    pub(crate) heads: Vec<CommitId>,
    pub(crate) messages: usize,
    pub(crate) profile: Arc<Profile>,
    pub(crate) conflicts: Vec<OpenConflict>,
    pub(crate) equivocations: Vec<Equivocation>,
    pub(crate) held: Vec<HeldFork>,
}

impl View {
    /// How things stand in the ledger. `before` saves reading a profile that has not changed.
    pub(crate) fn of(ledger: &mut Ledger, before: Option<&View>) -> Self {
        let state = ledger.state();
        let unchanged = before.filter(|before| before.state.profile() == state.profile());
        let profile =
            unchanged.map_or_else(|| Arc::new(read_profile(ledger.repository(), &state)), |v| v.profile.clone());
        let messages = ledger.log().read().unwrap_or_else(PoisonError::into_inner).len();
        let (conflicts, equivocations) = (ledger.conflicts(&state), ledger.equivocations());
        let (heads, held) = (ledger.heads().to_vec(), ledger.held().to_vec());
        Self { state, heads, messages, profile, conflicts, equivocations, held }
    }
}

fn read_profile(repository: &Repository, state: &State) -> Profile {
    let Some(blob) = state.profile() else { return Profile::default() };
    match repository.blob(&blob, MAX_PROFILE_BYTES) {
        Ok(vcard) => Profile::read(&vcard),
        Err(error) => {
            tracing::warn!("a profile is not shown: {error}");
            Profile::default()
        }
    }
}

/// Somebody has a commit, or says something that cannot be read.
#[derive(Debug)]
pub(crate) struct Heard {
    /// The commit, if it could be read.
    pub(crate) commit: Option<CommitId>,
    /// Whom to ask for it, the best first.
    pub(crate) sources: Vec<parv_model::DeviceId>,
    /// The announcement to judge when the commit is here; none for a notice to this device alone.
    pub(crate) announcement: Option<AnnouncementHandle>,
}

/// A conversation that is open. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Room {
    id: ConversationId,
    commands: mpsc::Sender<Command>,
    view: watch::Receiver<Arc<View>>,
    log: Arc<RwLock<LogIndex>>,
    repository: Repository,
    awareness: Arc<Awareness>,
}

impl Room {
    pub(crate) fn new(ledger: &Ledger, commands: mpsc::Sender<Command>, view: watch::Receiver<Arc<View>>) -> Self {
        let (log, repository) = (ledger.log().clone(), ledger.repository().clone());
        Self { id: ledger.id(), commands, view, log, repository, awareness: Arc::default() }
    }

    pub(crate) fn id(&self) -> ConversationId {
        self.id
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }

    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(crate) fn info(&self) -> ConversationInfo {
        let view = self.view();
        ConversationInfo {
            id: self.id,
            mode: view.state.mode(),
            title: view.profile.title.clone(),
            members: view.state.people().filter(|(_, role)| crate::access::is_writer(Some(*role))).count(),
            syncing: false,
            heads: view.heads.len(),
            messages: view.messages,
        }
    }

    /// The commit that invited somebody last.
    pub(crate) fn invitation(&self, uri: &Uri) -> Option<CommitId> {
        self.log.read().unwrap_or_else(PoisonError::into_inner).invitation(uri)
    }

    /// Blocks.
    pub(crate) fn log(&self, query: LogQuery) -> Result<Vec<LogEntry>, Error> {
        log::read(&self.log, &self.repository, query)
    }

    /// Has what is kept of old commits built anew, because it could not be read.
    pub(crate) async fn keep_anew(&self) -> Result<(), Error> {
        let (reply, done) = oneshot::channel();
        self.commands.send(Command::KeepAnew { reply }).await.map_err(|_| Error::Closed)?;
        done.await.map_err(|_| Error::Closed)
    }

    pub(crate) async fn write(&self, message: Message, profile: Option<Vec<u8>>) -> Result<CommitId, Error> {
        self.ask(|reply| Command::Write { wish: Wish { message, profile }, reply }).await
    }

    pub(crate) async fn moderate(&self, kind: VoteKind, target: Target) -> Result<Moderation, Error> {
        self.ask(|reply| Command::Moderate { kind, target, reply }).await
    }

    pub(crate) async fn let_in(&self, head: CommitId) -> Result<(), Error> {
        self.ask(|reply| Command::LetIn { head, reply }).await
    }

    /// Tells the actor what was heard. While very many commands are ahead of it, news is dropped: it will be heard again,
    /// at the next announcement or when heads are exchanged.
    pub(crate) fn hear(&self, heard: Heard) {
        if self.commands.try_send(Command::Hear(heard)).is_err() {
            tracing::debug!(conversation = %self.id, "too busy to hear news");
        }
    }

    /// Who is known to have which heads.
    pub(crate) fn awareness(&self) -> &Arc<Awareness> {
        &self.awareness
    }

    /// Ends the actor; returns when all that it was told before is done.
    pub(crate) async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Close { reply }).await.is_ok() {
            let _ = done.await; // gone without an answer is gone too
        }
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}
