//! The replay of one conversation of Jami.

use super::{Report, Said};
use crate::cores;
use crate::replay::{self, BATCH};
use parv_jami::certificate::{DeviceCertificate, MAX_CERTIFICATE_BYTES};
use parv_jami::commit::Commit;
use parv_jami::id::Device;
use parv_jami::infos::{self, MAX_PROFILE_BYTES};
use parv_jami::source::{Entry, EntryKind, Objects, SourceError};
use parv_jami::{CheckedCommit, JamiRules, Keyring, Replica};
use parv_model::{BlobId, CommitId, Refusal, Rule, TreeId};
use parv_store::{Foreign, StoreError, TreeEntry};
use parv_validator::rules::Checked;
use std::collections::{HashMap, HashSet};

/// The branch that a daemon writes on.
const BRANCH: &str = "main";

/// Why a trial ended early.
pub(super) enum Halt {
    NoConversation(&'static str),
    Refused(Refusal),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A history while it is judged.
pub(super) struct Trial<'a> {
    foreign: &'a Foreign,
    files: Files<'a>,
    rules: JamiRules,
    replica: Option<Replica>,
    keys: Keyring,
    /// The trees of all commits so far, to find certificates that a commit has dropped.
    trees: HashMap<CommitId, TreeId>,
    head: CommitId,
    root: CommitId,
    messages: Vec<Said>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(foreign: &'a Foreign, rules: JamiRules) -> Self {
        let nothing = CommitId::from_bytes([0; 20]);
        Self {
            foreign,
            files: Files(foreign),
            rules,
            replica: None,
            keys: Keyring::default(),
            trees: HashMap::new(),
            head: nothing,
            root: nothing,
            messages: Vec::new(),
        }
    }

    /// Judges everything that `main` reaches.
    pub(super) fn run(&mut self) -> Result<(), Halt> {
        let only = || self.foreign.heads().first().copied().filter(|_| self.foreign.heads().len() == 1);
        let head = self.foreign.branch(BRANCH).or_else(only).ok_or(Halt::NoConversation("it has no branch main"))?;
        self.head = head;
        let walked = self.foreign.walk(&[head]).map_err(|error| in_history(head, &error))?;
        let mut all: Vec<CommitId> = walked.iter().map(|(id, _)| *id).collect();
        if !all.contains(&head) {
            return Err(Refusal::new(head, Rule::Completeness, "its history runs in a circle").into());
        }
        self.root = self.find_root(walked.iter().filter(|(_, is_root)| *is_root).map(|(id, _)| *id))?;
        all.retain(|id| *id != self.root);
        all.insert(0, self.root);
        for batch in all.chunks(BATCH) {
            self.judge(batch)?;
        }
        Ok(())
    }

    /// The first commit that claims to begin a conversation of Jami.
    fn find_root(&self, roots: impl Iterator<Item = CommitId>) -> Result<CommitId, Halt> {
        let mut why = "no commit in it begins one";
        for root in roots {
            let bytes = self.read(&root)?;
            let (head, message) = split(&bytes);
            let message = serde_json::from_slice::<serde_json::Value>(message);
            let begins = message.is_ok_and(|value| value.get("type").is_some_and(|kind| kind == "initial"));
            if begins && head.windows(8).any(|word| word == b"\ngpgsig ") {
                why = "it is a conversation of Parv, which `parv verify` judges";
            } else if begins {
                return Ok(root);
            }
        }
        Err(Halt::NoConversation(why))
    }

    /// Judges commits, and the files of those that are good.
    fn judge(&mut self, batch: &[CommitId]) -> Result<(), Halt> {
        let bytes = self.foreign.commits(batch).map_err(|(id, error)| in_history(id, &error))?;
        let decoded = cores::on_all(&bytes, |bytes| CheckedCommit::decode(bytes));
        drop(bytes);
        let mut refused = None;
        let mut commits = Vec::with_capacity(batch.len());
        for (id, result) in batch.iter().zip(decoded) {
            match result.and_then(|(found, commit)| replay::same_name(*id, found).map(|()| (found, commit))) {
                Ok(commit) => commits.push(commit),
                Err(refusal) => {
                    refused = Some(Refusal { commit: *id, ..refusal });
                    break;
                }
            }
        }
        self.find_keys(&commits);
        let keys = &self.keys;
        let checked = cores::on_all(&commits, |commit| CheckedCommit::check(commit, keys));
        let mut good = Vec::with_capacity(checked.len());
        for commit in checked {
            match commit.and_then(|commit| self.admit(commit)) {
                Ok(id) => good.push(id),
                Err(refusal) => {
                    refused = Some(refusal);
                    break;
                }
            }
        }
        let in_files = |(commit, error): (CommitId, StoreError)| {
            Refusal::new(commit, Rule::Completeness, crate::error::chain(&error))
        };
        self.foreign.check_files(&good).map_err(in_files)?;
        refused.map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    fn admit(&mut self, commit: CheckedCommit) -> Result<CommitId, Refusal> {
        match &mut self.replica {
            Some(replica) => replica.admit(&commit, &self.files)?,
            None => self.replica = Some(Replica::begin_under(self.rules.clone(), &commit, &self.files)?),
        }
        let author = self.replica.as_ref().and_then(|replica| replica.author(&commit.id()));
        self.messages.extend(author.map(|author| Said::new(&commit, author)));
        Ok(commit.id())
    }

    /// Looks for the keys of devices that are not known yet: in the trees of their own commits, or of the parents.
    fn find_keys(&mut self, commits: &[(CommitId, Commit)]) {
        self.trees.extend(commits.iter().map(|(id, commit)| (*id, commit.tree)));
        let mut looked = HashSet::new();
        for (_, commit) in commits {
            if self.keys.knows(&commit.device) {
                continue;
            }
            let parents = commit.parents.iter().filter_map(|parent| self.trees.get(parent));
            for tree in [&commit.tree].into_iter().chain(parents) {
                if looked.insert((commit.device, *tree))
                    && let Some(certificate) = self.certificate(tree, &commit.device)
                {
                    self.keys.add(&certificate);
                    break;
                }
            }
        }
    }

    /// A device's certificate in a tree. A tree or file that cannot be read is refused when its commit is judged.
    fn certificate(&self, tree: &TreeId, device: &Device) -> Option<DeviceCertificate> {
        let blob = self.files.entry(tree, &format!("devices/{device}.crt")).ok()??;
        let pem = self.files.blob(&blob, MAX_CERTIFICATE_BYTES).ok()?;
        DeviceCertificate::from_pem(&pem).ok().filter(|certificate| certificate.device == *device)
    }

    fn read(&self, id: &CommitId) -> Result<Vec<u8>, Halt> {
        self.foreign.commit(id).map_err(|error| in_history(*id, &error))
    }

    /// What the replay came to.
    pub(super) fn report(mut self, refused: Option<Refusal>) -> Report {
        let commits = self.replica.as_ref().map_or(0, Replica::len);
        let warnings = self.replica.as_ref().map_or(&self.rules, Replica::rules).warnings();
        let mut report = Report {
            warnings,
            root: self.root,
            head: self.head,
            mode: None,
            members: Default::default(),
            infos: Default::default(),
            messages: Vec::new(),
            commits,
            refused,
        };
        let Some(replica) = &mut self.replica else { return report };
        let state = replica.state(&[self.head]);
        report.mode = Some(state.mode());
        if report.refused.is_some() {
            return report;
        }
        report.members = state.people();
        report.messages = self.messages;
        if let Some(profile) = state.profile() {
            match self.files.blob(&profile, MAX_PROFILE_BYTES) {
                Ok(vcard) => report.infos = infos::of_vcard(&vcard),
                Err(error) => {
                    report.refused = Some(Refusal::new(self.head, Rule::Completeness, error.to_string()));
                    return report;
                }
            }
        }
        report.infos.insert("mode".to_owned(), state.mode().number().to_string());
        report
    }
}

/// The trees and files of a repository, for the rules.
struct Files<'a>(&'a Foreign);

impl Objects for Files<'_> {
    fn entry(&self, tree: &TreeId, path: &str) -> Result<Option<BlobId>, SourceError> {
        self.0.entry_at(tree, path)
    }

    fn tree(&self, id: &TreeId) -> Result<Vec<Entry>, SourceError> {
        let entry = |(name, entry)| Entry {
            name,
            kind: match entry {
                TreeEntry::File(blob) => EntryKind::File(blob),
                TreeEntry::Folder(tree) => EntryKind::Folder(tree),
            },
        };
        Ok(self.0.entries(id)?.into_iter().map(entry).collect())
    }

    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
        parv_validator::BlobSource::blob(self.0, id, limit)
    }
}

/// A commit's headers and its message.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    (&bytes[..end], bytes.get(end + 2..).unwrap_or_default())
}

/// A walk could not go on at some commit.
fn in_history(from: CommitId, error: &StoreError) -> Halt {
    let (commit, rule, why) = match error {
        StoreError::Missing { id, .. } => return replay::missing(id.parse().unwrap_or(from)).into(),
        StoreError::Malformed { id, why } => (id.parse().unwrap_or(from), Rule::Structure, why.clone()),
        StoreError::Database { id, .. } => (id.parse().unwrap_or(from), Rule::Completeness, crate::error::chain(error)),
        _ => (from, Rule::Completeness, crate::error::chain(error)),
    };
    Refusal::new(commit, rule, why).into()
}
