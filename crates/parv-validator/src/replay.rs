//! Checking a long history on all cores, while what has been checked is taken in.
//!
//! Nearly all of the time of a replay goes into what can be said of each commit alone. So the commits are cut into
//! shares that any core may check; their verdicts are handed out in the order of the commits, on the thread that asks.
//! When that thread has nothing to hand out, it checks a share itself.

use crate::checked::{CheckedCommit, Signatures};
use parv_model::Refusal;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Commits in a share: as many as are verified together, and few enough that the first verdicts come soon.
const SHARE: usize = 512;

/// From so many commits on, another thread saves more than it costs.
const WORTH_A_THREAD: usize = 32;

type Verdict = Result<CheckedCommit, Refusal>;

/// Checks commits on all cores and gives each verdict to `take`, in the order of the commits, until that breaks off.
///
/// # Errors
/// What `take` broke off with.
pub fn check_each<E>(
    commits: &[impl AsRef<[u8]> + Sync],
    signatures: Signatures,
    mut take: impl FnMut(usize, Verdict) -> Result<(), E>,
) -> Result<(), E> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(commits.len() / WORTH_A_THREAD).max(1);
    let share = commits.len().div_ceil(threads).clamp(1, SHARE);
    let shares: Vec<_> = commits.chunks(share).collect();
    let next = AtomicUsize::new(0);
    let check_next = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        shares.get(number).map(|share| (number, CheckedCommit::check_many(share, signatures)))
    };
    thread::scope(|scope| {
        let (done, checked) = mpsc::channel();
        for _ in 1..threads {
            let (done, check_next) = (done.clone(), &check_next);
            // A thread whose verdicts nobody waits for any more ends.
            scope.spawn(move || while check_next().is_some_and(|share| done.send(share).is_ok()) {});
        }
        drop(done);
        let mut early: BTreeMap<usize, Vec<Verdict>> = BTreeMap::new();
        for number in 0..shares.len() {
            let verdicts = loop {
                early.extend(checked.try_iter());
                if let Some(verdicts) = early.remove(&number) {
                    break verdicts;
                }
                match check_next() {
                    Some((same, verdicts)) if same == number => break verdicts,
                    Some((other, verdicts)) => drop(early.insert(other, verdicts)),
                    // All that is left is being checked elsewhere.
                    None => match checked.recv() {
                        Ok((other, verdicts)) => drop(early.insert(other, verdicts)),
                        // One of the others panicked, and so will this one when it leaves the scope.
                        Err(mpsc::RecvError) => return Ok(()),
                    },
                }
            };
            for (place, verdict) in verdicts.into_iter().enumerate() {
                if let Err(end) = take(number * share + place, verdict) {
                    next.store(shares.len(), Ordering::Relaxed);
                    return Err(end);
                }
            }
        }
        Ok(())
    })
}
