//! One conversation.
use crate::{ConversationInfo, Error, LogEntry, LogQuery, Member, Moderation, OpenVote};
use parv_model::{CommitId, ConversationId, TreeId, Uri, VoteKind};

/// A handle to one conversation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Conversation {}

impl Conversation {
    /// Which one.
    pub fn id(&self) -> ConversationId {
        todo!()
    }
    /// The conversation at a glance.
    pub fn info(&self) -> ConversationInfo {
        todo!()
    }
    /// Invites somebody: the commit is written, and the invitation delivered now or when they come online.
    pub async fn invite(&self, uri: &Uri) -> Result<CommitId, Error> {
        let _ = uri;
        todo!()
    }
    /// Writes a text.
    pub async fn send(&self, text: &str) -> Result<CommitId, Error> {
        let _ = text;
        todo!()
    }
    /// The log in display order, oldest first.
    pub async fn log(&self, query: LogQuery) -> Result<Vec<LogEntry>, Error> {
        let _ = query;
        todo!()
    }
    /// Everybody who ever was in it, by URI.
    pub fn members(&self) -> Vec<Member> {
        todo!()
    }
    /// The votes that are open.
    pub fn votes(&self) -> Vec<OpenVote> {
        todo!()
    }
    /// Votes, as an admin.
    pub async fn vote(&self, kind: VoteKind, target: &Uri) -> Result<CommitId, Error> {
        let _ = (kind, target);
        todo!()
    }
    /// Votes if that is not done yet, and resolves the vote if there is a majority.
    pub async fn moderate(&self, kind: VoteKind, target: &Uri) -> Result<Moderation, Error> {
        let _ = (kind, target);
        todo!()
    }
    /// Replaces the profile, a vCard.
    pub async fn update_profile(&self, vcard: Vec<u8>) -> Result<CommitId, Error> {
        let _ = vcard;
        todo!()
    }
    /// Leaves for good: the conversation is no longer listed here.
    pub async fn leave(&self) -> Result<(), Error> {
        todo!()
    }
    /// The ends of the history, sorted.
    pub fn heads(&self) -> Vec<CommitId> {
        todo!()
    }
    /// The tree that all heads together make.
    pub fn tree(&self) -> TreeId {
        todo!()
    }
}
