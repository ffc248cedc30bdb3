//! Judging a repository that lies anywhere, without an account: a repository of ours, any clone of one, a bundle.
//!
//! Everything that any ref reaches is replayed from the first commit, every tree and file is looked at, and at the end
//! the heads go through the gate, so the verdict is that of a device which clones it. Nothing is written there.

use crate::json;
use crate::replay::{self, BATCH};
use crate::trial::{Batch, Halt, in_history};
use crate::view::Equivocation;
use parv_model::limits::MAX_COMMIT_BYTES;
use parv_model::{Commit, CommitId, DeviceId, Message, Mode, Refusal, Role, Rule, TreeId, Uri};
use parv_store::{CommitReader, Foreign, ForeignError};
use parv_validator::Replica;
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// The verdict on a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every commit keeps the rules and nothing is missing.
    pub verdict_valid: bool,
    /// The first commit that does not, parents before children.
    #[serde(serialize_with = "json::refusal_or_null")]
    pub refused: Option<Refusal>,
    /// The mode, if the first commit is good.
    #[serde(serialize_with = "json::mode_or_null")]
    pub mode: Option<Mode>,
    /// Everybody who ever was in the conversation, by URI. None if it is not valid.
    pub members: Vec<(Uri, Role)>,
    /// What the refs point to, without what others of them reach; sorted.
    pub heads: Vec<CommitId>,
    /// The tree that all heads together make, if all is valid.
    pub tree: Option<TreeId>,
    /// Resolutions that stand against each other with equal weight, so that none of them has an effect.
    pub undecided: Vec<CommitId>,
    /// The devices that wrote two commits of which neither knows the other. It is no reason to refuse anything.
    pub equivocations: Vec<Equivocation>,
    /// How many commits were judged good.
    pub commits: usize,
}

/// There is nothing to judge.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Nothing there can be read as a repository or bundle.
    #[error("{} cannot be read as a git repository or bundle: {why}", path.display())]
    Unreadable {
        /// What was named.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A repository without a conversation.
    #[error("{} holds no conversation: {why}", path.display())]
    NoConversation {
        /// What was named.
        path: PathBuf,
        /// What is there instead.
        why: &'static str,
    },
}

/// Replays everything that is reachable from any ref.
pub fn verify(path: &Path) -> Result<Report, AuditError> {
    let foreign = open(path)?;
    let mut trial = Trial { foreign: &foreign, replica: None };
    let verdict = trial.run();
    let mode = trial.replica.as_mut().map(|replica| replica.state(&[]).mode());
    let commits = trial.replica.as_ref().map_or(0, Replica::len);
    let equivocations = trial.replica.iter().flat_map(Replica::equivocations).map(Into::into).collect();
    match verdict {
        Ok(Verdict { members, heads, tree, undecided }) => Ok(Report {
            verdict_valid: true,
            refused: None,
            mode,
            members,
            heads,
            tree: Some(tree),
            undecided,
            equivocations,
            commits,
        }),
        Err(Halt::NoConversation(why)) => Err(AuditError::NoConversation { path: path.to_owned(), why }),
        Err(Halt::Refused(refusal)) => Ok(Report {
            verdict_valid: false,
            refused: Some(refusal),
            mode,
            members: Vec::new(),
            heads: foreign.heads().to_vec(),
            tree: None,
            undecided: Vec::new(),
            equivocations,
            commits,
        }),
    }
}

/// An allowed-signers file for stock git that covers every device that ever wrote a commit, sorted.
///
/// It says which key belongs to which device, no more: whether they were allowed to write is what [`verify`] says.
pub fn allowed_signers(path: &Path) -> Result<String, AuditError> {
    let foreign = open(path)?;
    let all = foreign.walk(foreign.heads()).map_err(|error| unreadable(path, &error))?;
    let mut devices = BTreeSet::<DeviceId>::new();
    let commits = foreign.commits();
    for (id, _) in &all {
        let bytes = commits.read(id).map_err(|error| unreadable(path, &error))?;
        devices.extend(Commit::decode(&bytes).map(|(commit, _)| commit.device));
    }
    if devices.is_empty() {
        return Err(AuditError::NoConversation { path: path.to_owned(), why: "no commit in it is a device's" });
    }
    Ok(devices.iter().map(|device| parv_identity::sshsig::allowed_signers_line(device) + "\n").collect())
}

pub(crate) fn open(path: &Path) -> Result<Foreign, AuditError> {
    Foreign::open(path).map_err(|error: ForeignError| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> AuditError {
    AuditError::Unreadable { path: path.to_owned(), why: crate::error::chain(error) }
}

struct Verdict {
    members: Vec<(Uri, Role)>,
    heads: Vec<CommitId>,
    tree: TreeId,
    undecided: Vec<CommitId>,
}

struct Trial<'a> {
    foreign: &'a Foreign,
    replica: Option<Replica>,
}

impl Trial<'_> {
    fn run(&mut self) -> Result<Verdict, Halt> {
        let heads = self.foreign.heads();
        let first = *heads.first().ok_or(Halt::NoConversation("it has no commits"))?;
        let all = self.foreign.walk(heads).map_err(|error| in_history(first, &error))?;
        // Only bytes under a wrong name can do that; such commits, and all that build on them, are not listed.
        let listed: HashSet<_> = all.iter().map(|(id, _)| *id).collect();
        if let Some(head) = heads.iter().find(|head| !listed.contains(head)) {
            return Err(Refusal::new(*head, Rule::Completeness, "its history runs in a circle").into());
        }
        let all = self.in_order(all)?;
        for batch in all.chunks(BATCH) {
            self.judge(batch)?;
        }
        let replica = self.replica.as_mut().ok_or(Halt::NoConversation("it has no commits"))?;
        let heads = replica.maximal(heads);
        replica.gate(&[], &heads)?;
        let state = replica.state(&heads);
        let undecided = state.undecided().collect();
        Ok(Verdict { members: state.people().collect(), heads, tree: state.tree(), undecided })
    }

    /// The commits parents first, beginning with the conversation's first commit: the one that all heads share; if they
    /// share none, that of the first head.
    fn in_order(&self, all: Vec<(CommitId, bool)>) -> Result<Vec<CommitId>, Halt> {
        let reader = self.foreign.commits();
        let mut roots = Vec::new();
        for (id, _) in all.iter().filter(|(_, is_root)| *is_root) {
            roots.push((*id, claims_to_begin(&read(&reader, id)?)));
        }
        let mut all: Vec<CommitId> = all.into_iter().map(|(id, _)| id).collect();
        if !roots.iter().any(|(_, claims)| *claims) {
            return Err(Halt::NoConversation("no commit in it begins one"));
        }
        let mut shared: Option<BTreeSet<CommitId>> = None;
        let of = |head: &CommitId| -> Result<BTreeSet<CommitId>, Halt> {
            let reached = self.foreign.walk(&[*head]).map_err(|error| in_history(*head, &error))?;
            Ok(reached.into_iter().filter(|(_, is_root)| *is_root).map(|(root, _)| root).collect())
        };
        if roots.len() > 1 {
            for head in self.foreign.heads() {
                let reached = of(head)?;
                shared = Some(match shared {
                    Some(shared) if shared.is_disjoint(&reached) => shared,
                    Some(shared) => &shared & &reached,
                    None => reached,
                });
            }
        }
        let is_shared = |root: &CommitId| shared.as_ref().is_none_or(|shared| shared.contains(root));
        let first = roots.iter().find(|(root, claims)| *claims && is_shared(root)).or(roots.first());
        if let Some((first, _)) = first {
            all.retain(|id| id != first);
            all.insert(0, *first);
        }
        Ok(all)
    }

    /// Judges commits, and the files of those that are good.
    fn judge(&mut self, batch: &[CommitId]) -> Result<(), Halt> {
        let reader = self.foreign.commits();
        let read: Batch<_> = batch.iter().map(|id| read(&reader, id)).collect();
        let ids = &batch[..read.good.len()];
        let verdicts = replay::verdicts(ids, &read.good);
        let named = ids.iter().zip(verdicts);
        let mut checked: Batch<_> =
            named.map(|(id, verdict)| verdict.map_err(|refusal| Refusal { commit: *id, ..refusal })).collect();
        checked.refused = checked.refused.or(read.refused);
        let (replica, foreign) = (&mut self.replica, self.foreign);
        checked.judge(foreign, |commit| replay::admit_all(replica, std::slice::from_ref(commit), foreign))?;
        Ok(())
    }
}

fn read(reader: &CommitReader, id: &CommitId) -> Result<Vec<u8>, Refusal> {
    reader.read(id).map_err(|error| in_history(*id, &error))
}

/// Whether a commit without parents says that it begins a conversation, however wrong it may be otherwise.
fn claims_to_begin(bytes: &[u8]) -> bool {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").map_or(bytes.len(), |at| at + 2);
    let message = &bytes[end..bytes.len().min(end + MAX_COMMIT_BYTES)];
    let kind = serde_json::from_slice::<serde_json::Value>(message).ok();
    let initial = Message::Initial { mode: Mode::Public, invited: None };
    kind.is_some_and(|value| value.get("type").and_then(|kind| kind.as_str()) == Some(initial.kind()))
}
