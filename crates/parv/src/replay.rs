//! Judging a whole history: structure and signatures on all cores, then commit by commit.

use parv_model::{CommitId, Refusal, Rule};
use parv_validator::replay::check_each;
use parv_validator::{BlobSource, CheckedCommit, Replica, Signatures};
use std::convert::Infallible;

/// How many commits are checked at a time: enough to keep every core busy, few enough that their bytes fit in memory.
pub(crate) const BATCH: usize = 4096;

/// Checks structure and signature of commits that are said to have these ids. The refusal is that of the first one that
/// breaks a rule.
pub(crate) fn check_all(
    ids: &[CommitId],
    commits: &[Vec<u8>],
    signatures: Signatures,
) -> Result<Vec<CheckedCommit>, Refusal> {
    let mut checked = Vec::with_capacity(commits.len());
    check_each(commits, signatures, |place, verdict| {
        checked.push(verdict.and_then(|commit| named(ids[place], commit))?);
        Ok::<(), Refusal>(())
    })?;
    Ok(checked)
}

/// The verdicts on all of them.
pub(crate) fn verdicts(ids: &[CommitId], commits: &[Vec<u8>]) -> Vec<Result<CheckedCommit, Refusal>> {
    let mut verdicts = Vec::with_capacity(commits.len());
    let Ok(()) = check_each(commits, Signatures::New, |place, verdict| {
        verdicts.push(verdict.and_then(|commit| named(ids[place], commit)));
        Ok::<(), Infallible>(())
    });
    verdicts
}

/// Checks commits that this device has admitted before and kept since (decision 0011), and takes each in while the next ones
/// are still being checked.
pub(crate) fn readmit(
    replica: &mut Option<Replica>,
    ids: &[CommitId],
    commits: &[Vec<u8>],
    source: &dyn BlobSource,
) -> Result<Vec<CheckedCommit>, Refusal> {
    let mut readmitted = Vec::with_capacity(commits.len());
    check_each(commits, Signatures::Admitted, |place, verdict| {
        let commit = verdict.and_then(|commit| named(ids[place], commit))?;
        admit(replica, &commit, source)?;
        readmitted.push(commit);
        Ok::<(), Refusal>(())
    })?;
    Ok(readmitted)
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
    commits.iter().try_for_each(|commit| admit(replica, commit, source))
}

fn admit(replica: &mut Option<Replica>, commit: &CheckedCommit, source: &dyn BlobSource) -> Result<(), Refusal> {
    match replica {
        Some(replica) => replica.admit(commit, source),
        None => Replica::begin(commit, source).map(|begun| *replica = Some(begun)),
    }
}

/// A refusal for a commit that is not there.
pub(crate) fn missing(commit: CommitId) -> Refusal {
    Refusal::new(commit, Rule::Completeness, "the commit is missing")
}
