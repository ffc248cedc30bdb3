//! What can be said of a commit by itself: structure (validation §3) and signature.
//!
//! This is where nearly all of the time of a replay goes, and it needs nothing but the commit, so many can be checked in
//! parallel before the replica takes them in one by one.

use parv_identity::sshsig::{self, Proof, Signature, SignedData, SshsigError};
use parv_identity::{DeviceKey, Verifier};
use parv_model::{Commit, CommitFormatError, CommitId, Message, Refusal, Rule, object};

/// A commit whose bytes are canonical, whose message is well-formed, and which its device signed. Whether it *may* say
/// what it says is not known yet.
#[derive(Debug, Clone)]
pub struct CheckedCommit {
    id: CommitId,
    commit: Commit,
    message: Message,
}

/// A commit that this device has just signed.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The commit.
    pub commit: CheckedCommit,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its signature.
    pub proof: Proof,
}

/// By which rule signatures are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// Each by itself, by the strict rule: whatever comes from somebody else.
    New,
    /// Many together: commits that this device has admitted before and kept since, when it opens them again. See
    /// [`parv_identity::verifier`] for what is different, and decision 0011 for why that is good enough there.
    Admitted,
}

/// A commit whose signature is still to be checked, and what was signed.
struct Unverified {
    commit: CheckedCommit,
    signature: Signature,
    data: SignedData,
}

impl Unverified {
    fn verified(self, verdict: Result<(), SshsigError>) -> Result<CheckedCommit, Refusal> {
        match verdict {
            Ok(()) => Ok(self.commit),
            Err(error) => Err(self.commit.refuse(Rule::Signature, error.to_string())),
        }
    }
}

impl CheckedCommit {
    /// Checks the bytes of a commit. The id in a refusal is the one that Git gives these bytes.
    ///
    /// # Errors
    /// The rule of structure that the bytes break, or that the signature is bad.
    pub fn check(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::check_with(bytes, &mut Verifier::new())
    }

    fn check_with(bytes: &[u8], verifier: &mut Verifier) -> Result<Self, Refusal> {
        let unverified = Self::parse(bytes)?;
        let verdict = verifier.verify(&unverified.signature, &unverified.data);
        unverified.verified(verdict)
    }

    /// Checks many commits; the verdicts come in their order.
    pub fn check_many(commits: &[impl AsRef<[u8]>], signatures: Signatures) -> Vec<Result<Self, Refusal>> {
        let mut verifier = Verifier::new();
        if signatures == Signatures::New {
            return commits.iter().map(|bytes| Self::check_with(bytes.as_ref(), &mut verifier)).collect();
        }
        let parsed: Vec<Result<Unverified, Refusal>> =
            commits.iter().map(|bytes| Self::parse(bytes.as_ref())).collect();
        let signed: Vec<(Signature, SignedData)> =
            parsed.iter().flatten().map(|commit| (commit.signature, commit.data)).collect();
        let mut verdicts = verifier.verify_again(&signed).into_iter();
        let verified = |commit: Result<Unverified, Refusal>| {
            let commit = commit?;
            let verdict = verdicts.next().unwrap_or(Err(SshsigError::Bad(commit.signature.device)));
            commit.verified(verdict)
        };
        parsed.into_iter().map(verified).collect()
    }

    /// Everything but whether the signature holds.
    fn parse(bytes: &[u8]) -> Result<Unverified, Refusal> {
        let (commit, armour) = Self::read(bytes)?;
        let refuse = |why: String| commit.refuse(Rule::Signature, why);
        let signature = sshsig::decode(&armour).map_err(|error| refuse(error.to_string()))?;
        if signature.device != commit.commit.device {
            let (says, signed) = (commit.commit.device, signature.device);
            return Err(refuse(format!("it says device {says} and is signed by device {signed}")));
        }
        Ok(Unverified { commit, signature, data: SignedData::of(Commit::signed_parts(bytes)) })
    }

    /// Signs a commit as its device, whose key this must be. It is held to all that others hold it to, but whether the
    /// signature holds, which takes longer than all else together, is for the caller to see, for many at once:
    /// [`Proof::all_hold`].
    pub fn sign(commit: &Commit, key: &DeviceKey) -> Result<Signed, Refusal> {
        let proof = Proof::sign(key, &commit.payload());
        let bytes = commit.encode(&proof.signature().encode());
        let (this, _) = Self::read(&bytes)?;
        if key.device_id() != this.commit.device {
            return Err(this.refuse(Rule::Signature, format!("the key is not that of device {}", this.commit.device)));
        }
        Ok(Signed { commit: this, bytes, proof })
    }

    /// Reads a commit and its signature's armour, and checks all but the signature.
    fn read(bytes: &[u8]) -> Result<(Self, String), Refusal> {
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
        Ok((Self { id, commit, message }, armour))
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
