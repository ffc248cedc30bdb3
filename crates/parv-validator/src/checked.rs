//! What can be said of a commit by itself: structure (validation §3) and signature.
//!
//! This is where nearly all of the time of a replay goes, and it needs nothing but the commit, so many can be checked in
//! parallel before the replica takes them in one by one.

use parv_identity::sshsig;
use parv_model::{Commit, CommitFormatError, CommitId, Message, Refusal, Rule, object};

/// A commit whose bytes are canonical, whose message is well-formed, and which its device signed. Whether it *may* say
/// what it says is not known yet.
#[derive(Debug, Clone)]
pub struct CheckedCommit {
    id: CommitId,
    commit: Commit,
    message: Message,
}

impl CheckedCommit {
    /// Checks the bytes of a commit. The id in a refusal is the one that Git gives these bytes.
    pub fn check(bytes: &[u8]) -> Result<Self, Refusal> {
        let id = object::commit_id(bytes)
            .map_err(|error| Refusal::new(CommitId::from_bytes([0; 20]), Rule::Structure, error.to_string()))?;
        let refuse = |rule, why: String| Refusal::new(id, rule, why);
        let (commit, armour) = Commit::decode(bytes).map_err(|error| {
            let rule = if error == CommitFormatError::Unsigned { Rule::Signature } else { Rule::Structure };
            refuse(rule, error.to_string())
        })?;
        let message = Message::decode(&commit.message).map_err(|error| refuse(Rule::Message, error.to_string()))?;
        match (commit.parents.len(), &message) {
            (0, Message::Initial { .. }) | (2, Message::Merge) => {}
            (0, _) => {
                return Err(refuse(Rule::Root, "it has no parent and is not an initial commit".into()));
            }
            (1, Message::Initial { .. }) => return Err(refuse(Rule::Root, "an initial commit has no parent".into())),
            (1, Message::Merge) | (2, _) => {
                return Err(refuse(Rule::Structure, "two parents are for merges, and merges have two".into()));
            }
            (1, _) => {}
            (n, _) => return Err(refuse(Rule::Structure, format!("it has {n} parents, more than two"))),
        }
        if commit.parents.len() == 2 && commit.parents[0] == commit.parents[1] {
            return Err(refuse(Rule::Structure, "it names the same parent twice".into()));
        }
        let signature = sshsig::decode(&armour).map_err(|error| refuse(Rule::Signature, error.to_string()))?;
        if signature.device != commit.device {
            return Err(refuse(
                Rule::Signature,
                format!("it says device {} and is signed by device {}", commit.device, signature.device),
            ));
        }
        signature.verify(&commit.payload()).map_err(|error| refuse(Rule::Signature, error.to_string()))?;
        Ok(Self { id, commit, message })
    }

    /// Its id.
    pub fn id(&self) -> CommitId {
        self.id
    }

    /// Its headers.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// What it says.
    pub fn message(&self) -> &Message {
        &self.message
    }

    pub(crate) fn refuse(&self, rule: Rule, why: impl Into<String>) -> Refusal {
        Refusal::new(self.id, rule, why)
    }
}
