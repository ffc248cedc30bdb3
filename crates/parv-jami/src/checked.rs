//! What can be said of a commit alone: its form, its message, and whether its device signed it.
//!
//! A device's name is the hash of its key, so any certificate with that key will do to check a signature. [`Keyring`] holds
//! the keys that were found; many commits can be checked against it in parallel.

use crate::commit::Commit;
use crate::id::Device;
use crate::key::PublicKey;
use crate::message::Message;
use parv_model::{CommitId, Refusal, Rule, TreeId, object};
use parv_validator::rules::Checked;
use std::collections::BTreeMap;

/// Public keys of devices, each under the hash of it.
#[derive(Debug, Clone, Default)]
pub struct Keyring(BTreeMap<Device, PublicKey>);

impl Keyring {
    /// Takes a key in, if it is the one of that name.
    pub fn add(&mut self, certificate: &crate::certificate::DeviceCertificate) {
        self.0.entry(certificate.device).or_insert_with(|| certificate.key.clone());
    }

    /// Whether a device's key is known.
    pub fn knows(&self, device: &Device) -> bool {
        self.0.contains_key(device)
    }
}

/// What a commit's signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// Its device made it.
    Good,
    /// There is none.
    Missing,
    /// Its device did not make it.
    Wrong,
    /// The key of its device was not to be found.
    Unverifiable,
}

/// A commit whose form and message are good, and of whose signature it is known what it is worth.
#[derive(Debug, Clone)]
pub struct CheckedCommit {
    id: CommitId,
    commit: Commit,
    message: Message,
    signature: Signature,
}

impl CheckedCommit {
    /// Reads the headers only; enough to know whose key [`check`](Self::check) will need.
    pub fn decode(bytes: &[u8]) -> Result<(CommitId, Commit), Refusal> {
        let id = object::commit_id(bytes)
            .map_err(|error| Refusal::new(CommitId::from_bytes([0; 20]), Rule::Structure, error.to_string()))?;
        let commit = Commit::decode(bytes).map_err(|error| Refusal::new(id, Rule::Structure, error.to_string()))?;
        Ok((id, commit))
    }

    /// Checks form, message and signature of a decoded commit.
    pub fn check((id, commit): &(CommitId, Commit), keys: &Keyring) -> Result<Self, Refusal> {
        let id = *id;
        let refuse = |rule, why: String| Err(Refusal::new(id, rule, why));
        if commit.parents.len() > 2 {
            return refuse(Rule::Structure, format!("it has {} parents, more than two", commit.parents.len()));
        }
        if let [one, other] = commit.parents.as_slice()
            && one == other
        {
            return refuse(Rule::Structure, "it names the same parent twice".to_owned());
        }
        let message = match Message::decode(&commit.message, commit.parents.len()) {
            Ok(message) => message,
            Err(error) => return refuse(Rule::Message, error.to_string()),
        };
        let signature = match (&commit.signature, keys.0.get(&commit.device)) {
            (None, _) => Signature::Missing,
            (Some(_), None) => Signature::Unverifiable,
            (Some(signature), Some(key)) if key.signed(&commit.payload, signature) => Signature::Good,
            (Some(_), Some(_)) => Signature::Wrong,
        };
        let commit = Commit {
            name: commit.name.clone(),
            parents: commit.parents.clone(),
            message: commit.message.clone(),
            payload: Vec::new(),
            signature: None,
            ..*commit
        };
        Ok(Self { id, commit, message, signature })
    }

    /// Its headers. What was signed and the signature itself are gone: they have been checked.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// What it says.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// What its signature is worth.
    pub fn signature(&self) -> Signature {
        self.signature
    }
}

impl Checked for CheckedCommit {
    type Device = Device;

    fn id(&self) -> CommitId {
        self.id
    }

    fn tree(&self) -> TreeId {
        self.commit.tree
    }

    fn parents(&self) -> &[CommitId] {
        &self.commit.parents
    }

    fn device(&self) -> Device {
        self.commit.device
    }

    fn time(&self) -> i64 {
        self.commit.time
    }
}
