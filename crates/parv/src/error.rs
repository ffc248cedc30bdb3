//! Everything that the engine can answer instead of doing what it was asked for.

use parv_identity::IdentityError;
use parv_model::{CommitId, ConversationId, DeviceId, Refusal, Uri};
use parv_net::NetError;
use parv_store::StoreError;
use std::io;
use std::path::PathBuf;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no account in the data folder, or not the one that was named.
    #[error("no account {}in {}", which.map(|uri| format!("{uri} ")).unwrap_or_default(), home.display())]
    NoAccount {
        /// The data folder.
        home: PathBuf,
        /// The account that was named.
        which: Option<Uri>,
    },
    /// Several accounts are there and none was named.
    #[error("several accounts are there, name one: {}", .0.iter().map(Uri::to_string).collect::<Vec<_>>().join(", "))]
    WhichAccount(Vec<Uri>),
    /// Another process works on the account.
    #[error("{} is in use by another process{}", folder.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Locked {
        /// The account's folder.
        folder: PathBuf,
        /// The process, if it is known.
        pid: Option<u32>,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Keys, certificates or their files.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A conversation's repository.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// What was asked for breaks the rules of the conversation.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// A history breaks the rules.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No conversation with that id is here.
    #[error("there is no conversation {0} here")]
    UnknownConversation(ConversationId),
    /// The conversation is here, but its files do not hold up.
    #[error("conversation {conversation} cannot be opened: {why}")]
    Unusable {
        /// Which one.
        conversation: ConversationId,
        /// Why not.
        why: String,
    },
    /// The conversation is still being fetched for the first time.
    #[error("conversation {0} is still being fetched")]
    Syncing(ConversationId),
    /// No invitation to that conversation is here.
    #[error("there is no request for conversation {0}")]
    UnknownRequest(ConversationId),
    /// The commit is not part of the conversation.
    #[error("commit {0} is not part of the conversation")]
    UnknownCommit(CommitId),
    /// The history does not say that the own account is invited.
    #[error("conversation {0} does not invite this account (any more)")]
    NotInvited(ConversationId),
    /// This device cannot subscribe at that push service.
    #[error(transparent)]
    Subscribe(#[from] parv_push::SubscribeError),
    /// A push message cannot be opened.
    #[error(transparent)]
    PushMessage(#[from] parv_push::PushKeyError),
    /// A push message says nothing that is understood.
    #[error("the push message is for this device, but is malformed: {0}")]
    PushContent(String),
    /// This device has no push subscription.
    #[error("this device has no push subscription")]
    NotSubscribed,
    /// The engine was started without a network.
    #[error("the engine runs without a network")]
    Offline,
    /// Nobody who could help was reached.
    #[error("nobody who has conversation {conversation} could be reached{}", tried_list(tried))]
    Unreachable {
        /// What was wanted.
        conversation: ConversationId,
        /// Whom it was tried from, with what went wrong there.
        tried: Vec<(DeviceId, String)>,
    },
    /// The text is longer than a message may be.
    #[error("the text is too long: a message has at most {limit} bytes and this one has {bytes}")]
    TooLong {
        /// Size of the whole message in bytes.
        bytes: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The engine, or the conversation, was shut down.
    #[error("the engine has been shut down")]
    Closed,
}

fn tried_list(tried: &[(DeviceId, String)]) -> String {
    tried.iter().map(|(device, why)| format!("; {device}: {why}")).collect()
}

/// An error and all its sources in one line: `what: why: why`. A source that its parent already quotes is left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let why = error.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        source = error.source();
    }
    text
}
