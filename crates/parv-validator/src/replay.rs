//! Checking a long history on all cores, while what has been checked is taken in: nearly all of the time of a replay goes
//! into what can be said of each commit alone.

use crate::checked::{CheckedCommit, Signatures};
use crate::cores;
use parv_model::Refusal;

/// Checks commits on all cores and gives each verdict to `take`, in the order of the commits, until that breaks off.
///
/// # Errors
/// What `take` broke off with.
pub fn check_each<E>(
    commits: &[impl AsRef<[u8]> + Sync],
    signatures: Signatures,
    take: impl FnMut(usize, Result<CheckedCommit, Refusal>) -> Result<(), E>,
) -> Result<(), E> {
    cores::in_order(commits, |share| CheckedCommit::check_many(share, signatures), take)
}
