//! Judging a whole history: signatures on all cores, then commit by commit.

use crate::cores;
use parv_model::{CommitId, Refusal, Rule};
use parv_validator::{BlobSource, CheckedCommit, Replica};

/// How many commits are checked at a time: enough to keep every core busy, few enough that their bytes fit in memory.
pub(crate) const BATCH: usize = 4096;

/// Checks structure and signature of commits, which are said to have these ids. The refusal is that of the first one
/// that breaks a rule.
pub(crate) fn check_all(ids: &[CommitId], commits: &[Vec<u8>]) -> Result<Vec<CheckedCommit>, Refusal> {
    ids.iter().zip(check_each(commits)).map(|(id, checked)| checked.and_then(|commit| named(*id, commit))).collect()
}

/// Checks structure and signature of commits on all cores; the verdicts come in their order.
pub(crate) fn check_each(commits: &[Vec<u8>]) -> Vec<Result<CheckedCommit, Refusal>> {
    cores::on_all(commits, |bytes| CheckedCommit::check(bytes))
}

/// The commit, if it is the one that it was read as: a disk, or whoever wrote on it, may give other bytes for a name.
pub(crate) fn named(id: CommitId, commit: CheckedCommit) -> Result<CheckedCommit, Refusal> {
    same_name(id, commit.id()).map(|()| commit)
}

/// Whether bytes that were read as one commit are that commit's.
pub(crate) fn same_name(id: CommitId, found: CommitId) -> Result<(), Refusal> {
    if found == id {
        return Ok(());
    }
    Err(Refusal::new(id, Rule::Completeness, format!("its bytes are those of commit {found}")))
}

/// Takes checked commits in, parents first. The first one begins the replica if there is none yet.
pub(crate) fn admit_all(
    replica: &mut Option<Replica>,
    commits: &[CheckedCommit],
    source: &dyn BlobSource,
) -> Result<(), Refusal> {
    for commit in commits {
        match replica {
            Some(replica) => replica.admit(commit, source)?,
            None => *replica = Some(Replica::begin(commit, source)?),
        }
    }
    Ok(())
}

/// A refusal for a commit that is not there.
pub(crate) fn missing(commit: CommitId) -> Refusal {
    Refusal::new(commit, Rule::Completeness, "the commit is missing")
}
