//! What can be asked of an account: one variant per verb.

use parv::{CommitId, Mode, Uri, VoteKind};
use serde::{Deserialize, Serialize};

/// What somebody wants done.
///
/// A conversation is named by its id or a prefix of it that only one conversation has; a person by their URI or, where
/// the person must already be in the conversation, a prefix that only one has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Request {
    /// Who is this?
    Account,
    /// Begin a conversation.
    New {
        /// What it is, by its number.
        #[serde(with = "mode_number")]
        mode: Mode,
        /// ONE_TO_ONE only: the other person.
        #[serde(default)]
        with: Option<Uri>,
    },
    /// Which conversations are there?
    List,
    /// Invite somebody.
    Invite {
        /// Which conversation.
        conversation: String,
        /// Whom.
        uri: Uri,
    },
    /// Which invitations wait for an answer?
    Requests,
    /// Take up an invitation.
    Accept {
        /// Which conversation; the whole id when there is no invitation (PUBLIC).
        conversation: String,
    },
    /// Turn an invitation down. Nobody is told.
    Decline {
        /// Which conversation.
        conversation: String,
    },
    /// Drop somebody's invitations unseen from now on. Nobody is told.
    Block {
        /// Whose.
        uri: Uri,
    },
    /// Let somebody invite again.
    Unblock {
        /// Whom.
        uri: Uri,
    },
    /// Who is blocked?
    Blocked,
    /// Write a text.
    Send {
        /// Which conversation.
        conversation: String,
        /// What to say.
        text: String,
    },
    /// Read a conversation, oldest first.
    Log {
        /// Which conversation.
        conversation: String,
        /// At most so many of the newest entries; never more than [`crate::perform::MAX_LOG_PAGE`] in one answer.
        #[serde(default)]
        limit: Option<usize>,
        /// Only what stands before this commit in display order.
        #[serde(default)]
        before: Option<CommitId>,
        /// Also what is hidden.
        #[serde(default)]
        hidden: bool,
    },
    /// Who is in a conversation, and as what?
    Members {
        /// Which conversation.
        conversation: String,
    },
    /// Vote, without drawing a conclusion from it.
    Vote {
        /// Which conversation.
        conversation: String,
        /// For what.
        #[serde(with = "vote_name")]
        kind: VoteKind,
        /// On whom, or on which device.
        target: String,
        /// Whether the target is a single device.
        #[serde(default)]
        device: bool,
    },
    /// Vote if that is not done yet, and carry it out when a majority has voted so.
    Moderate {
        /// Which conversation.
        conversation: String,
        /// What to do.
        #[serde(with = "vote_name")]
        kind: VoteKind,
        /// To whom, or to which device.
        target: String,
        /// Whether the target is a single device.
        #[serde(default)]
        device: bool,
    },
    /// Let a fork from far behind in, which is held.
    LetIn {
        /// Which conversation.
        conversation: String,
        /// The head of the fork, or a prefix of it.
        head: String,
    },
    /// Leave a conversation for good.
    Leave {
        /// Which conversation.
        conversation: String,
    },
    /// Connect to a node.
    Connect {
        /// Its multiaddr, which may end with `/p2p/<peer id>`.
        address: String,
    },
    /// Who is connected?
    Peers,
    /// How does this device stand in the network?
    NetStatus,
    /// Be woken through a push service, instead of what was before.
    PushSubscribe {
        /// The URL that messages are posted to.
        endpoint: String,
        /// Whom the push service may ask when something is wrong: `mailto:` or `https:`.
        #[serde(default)]
        contact: Option<String>,
    },
    /// Be woken no more.
    PushUnsubscribe,
    /// How is this device woken, and which others does it wake?
    PushStatus,
    /// What does a push message say that came?
    PushOpen {
        /// The body of the message.
        body: Vec<u8>,
    },
    /// From now on, tell everything that happens. The connection then carries [`crate::Reply::Event`]s only.
    Events,
}

/// A mode as the number that stands in a conversation's first commit.
pub(crate) mod mode_number {
    use parv::Mode;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(mode.number())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mode, D::Error> {
        let number = u64::deserialize(deserializer)?;
        Mode::from_number(number).ok_or_else(|| D::Error::custom(format!("no mode has the number {number}")))
    }
}

/// What a vote is for, by its name.
pub(crate) mod vote_name {
    use parv::VoteKind;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(kind: &VoteKind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VoteKind, D::Error> {
        let name = String::deserialize(deserializer)?;
        VoteKind::from_name(&name).ok_or_else(|| D::Error::custom(format!("no vote is called {name:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, String> {
        serde_json::from_str(line).map_err(|error| error.to_string())
    }

    #[test]
    fn requests_come_back_from_their_line() {
        let uri = Uri::from_bytes([7; 32]);
        for request in [
            Request::Account,
            Request::New { mode: Mode::OneToOne, with: Some(uri) },
            Request::Invite { conversation: "ab".into(), uri },
            Request::Log {
                conversation: "ab".into(),
                limit: Some(3),
                before: Some(CommitId::from_bytes([1; 20])),
                hidden: true,
            },
            Request::LetIn { conversation: "ab".into(), head: "07".into() },
            Request::Moderate { conversation: "ab".into(), kind: VoteKind::Ban, target: "0707".into(), device: true },
            Request::Events,
        ] {
            assert_eq!(read(&serde_json::to_string(&request).unwrap()), Ok(request));
        }
    }

    #[test]
    fn what_may_be_left_out_may_be_left_out() {
        let request = Request::Log { conversation: "ab".into(), limit: None, before: None, hidden: false };
        assert_eq!(read(r#"{"verb":"log","conversation":"ab"}"#), Ok(request));
        assert_eq!(read(r#"{"verb":"new","mode":3}"#), Ok(Request::New { mode: Mode::Public, with: None }));
        let vote = Request::Vote { conversation: "ab".into(), kind: VoteKind::Ban, target: "07".into(), device: false };
        assert_eq!(read(r#"{"verb":"vote","conversation":"ab","kind":"ban","target":"07"}"#), Ok(vote));
    }

    #[test]
    fn wrong_requests_are_named() {
        for (line, reason) in [
            (r#"{"verb":"dance"}"#, "unknown variant `dance`"),
            (r#"{"verb":"new","mode":4}"#, "no mode has the number 4"),
            (r#"{"verb":"vote","conversation":"ab","kind":"kick","target":"x"}"#, "no vote is called \"kick\""),
            (r#"{"verb":"invite","conversation":"ab","uri":"jami:1"}"#, "not a URI"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
