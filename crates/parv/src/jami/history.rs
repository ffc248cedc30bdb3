//! The replay of one conversation of Jami.

use super::{Report, Said};
use crate::cores;
use crate::replay;
use crate::trial::{Batch, Halt, in_history};
use parv_jami::certificate::{DeviceCertificate, MAX_CERTIFICATE_BYTES};
use parv_jami::commit::Commit;
use parv_jami::id::Device;
use parv_jami::infos::{self, MAX_PROFILE_BYTES};
use parv_jami::source::{Entry, EntryKind, Objects, SourceError};
use parv_jami::{CheckedCommit, JamiRules, Keyring, Replica};
use parv_model::{BlobId, CommitId, Refusal, Rule, TreeId};
use parv_store::{CommitReader, Foreign, TreeEntry};
use parv_validator::rules::Checked;
use std::collections::{HashMap, HashSet};
use std::sync::mpsc;
use std::thread;

/// The branch that a daemon writes on.
const BRANCH: &str = "main";

/// How many commits are read and checked at a time, while those before them are judged.
const BATCH: usize = 1024;

/// How many batches may wait to be judged; more would only take memory.
const BATCHES_AHEAD: usize = 1;

/// A history while it is judged.
pub(super) struct Trial<'a> {
    foreign: &'a Foreign,
    files: Files<'a>,
    rules: JamiRules,
    replica: Option<Replica>,
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
        let mut reader = Reader::new(self.foreign);
        thread::scope(|scope| {
            let (send, batches) = mpsc::sync_channel(BATCHES_AHEAD);
            // Whoever reads ends with the last batch, or when nobody waits for one any more.
            scope.spawn(move || all.chunks(BATCH).all(|batch| send.send(reader.check(batch)).is_ok()));
            let foreign = self.foreign;
            batches.iter().try_for_each(|batch| batch.judge(foreign, |commit| self.admit(commit)))?;
            Ok(())
        })
    }

    /// The first commit that claims to begin a conversation of Jami.
    fn find_root(&self, roots: impl Iterator<Item = CommitId>) -> Result<CommitId, Halt> {
        let mut why = "no commit in it begins one";
        for root in roots {
            let bytes = self.foreign.commit(&root).map_err(|error| in_history(root, &error))?;
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

    fn admit(&mut self, commit: &CheckedCommit) -> Result<(), Refusal> {
        match &mut self.replica {
            Some(replica) => replica.admit(commit, &self.files)?,
            None => self.replica = Some(Replica::begin_under(self.rules.clone(), commit, &self.files)?),
        }
        let author = self.replica.as_ref().and_then(|replica| replica.author(&commit.id()));
        self.messages.extend(author.map(|author| Said::new(commit, author)));
        Ok(())
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

/// Reads commits and checks them, each alone, on all cores.
struct Reader<'a> {
    foreign: &'a Foreign,
    files: Files<'a>,
    keys: Keyring,
    /// The trees of all commits so far, to find certificates that a commit has dropped.
    trees: HashMap<CommitId, TreeId>,
}

impl<'a> Reader<'a> {
    fn new(foreign: &'a Foreign) -> Self {
        Self { foreign, files: Files(foreign), keys: Keyring::default(), trees: HashMap::new() }
    }

    fn check(&mut self, commits: &[CommitId]) -> Batch<CheckedCommit> {
        let read = |reader: &mut CommitReader, id: &CommitId| {
            let bytes = reader.read(id).map_err(|error| in_history(*id, &error))?;
            let (found, commit) =
                CheckedCommit::decode(&bytes).map_err(|refusal| Refusal { commit: *id, ..refusal })?;
            replay::same_name(*id, found).map(|()| (found, commit))
        };
        let decoded = cores::on_all_with(commits, || self.foreign.commits(), read);
        let Batch { good: decoded, refused } = decoded.into_iter().collect();
        self.find_keys(&decoded);
        let keys = &self.keys;
        let checked = cores::on_all(&decoded, |commit| CheckedCommit::check(commit, keys));
        let mut batch: Batch<_> = checked.into_iter().collect();
        batch.refused = batch.refused.or(refused);
        batch
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
