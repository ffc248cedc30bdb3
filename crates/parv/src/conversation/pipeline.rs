//! Storing messages while more are composed.
//!
//! Composing is mostly signing; storing is mostly checking signatures, hashing, and waiting for the disk. They take about as
//! long. So while there are more messages, a thread stores what was composed, and neither waits for the other. Nothing is known
//! to anybody before it is stored.

use super::ledger::Ledger;
use super::writing::{Share, Wish, Written};
use crate::Error;
use parv_model::CommitId;
use parv_store::{Repository, StoreError};
use std::collections::VecDeque;
use std::sync::mpsc;
use std::thread;

/// Wishes that are stored together, and whose they are.
type Wishes<T> = Vec<(Wish, T)>;

/// A share, and whether it was stored.
type Outcome = (Share, Result<(), Error>);

impl Ledger {
    /// Writes commits on top of all heads and of each other, durably. `next` gives those that are to be stored together, and
    /// nothing if there are no more; `tell` is told what became of them, in order. Where something could not be stored, it
    /// is not asked for more.
    pub(crate) fn write_all<T>(&mut self, next: impl FnMut() -> Wishes<T>, tell: impl FnMut(&mut Self, Written<T>)) {
        let (heads, repository) = (self.heads().to_vec(), self.repository().clone());
        let mut pipeline = Pipeline { heads, repository, ledger: self, under_way: VecDeque::new(), next, tell };
        if let Some((share, error)) = pipeline.run() {
            pipeline.ledger.discard(&share);
            if let Error::Store(StoreError::Index(_)) = error {
                pipeline.ledger.mend();
            }
            pipeline.write_singly();
        }
        self.mend();
    }

    /// Writes one commit like that.
    pub(crate) fn write(&mut self, wish: Wish) -> Result<CommitId, Error> {
        let (mut wish, mut answer) = (Some(wish), Err(Error::Closed));
        let next = || wish.take().map(|wish| (wish, ())).into_iter().collect();
        self.write_all(next, |_, written| written.answers.into_iter().for_each(|((), written)| answer = written));
        answer
    }
}

/// Messages on their way to the disk.
struct Pipeline<'a, T, Next, Tell> {
    ledger: &'a mut Ledger,
    repository: Repository,
    /// The heads after all that was composed.
    heads: Vec<CommitId>,
    /// For what was composed and not settled, the oldest first.
    under_way: VecDeque<Wishes<T>>,
    next: Next,
    tell: Tell,
}

impl<T, Next: FnMut() -> Wishes<T>, Tell: FnMut(&mut Ledger, Written<T>)> Pipeline<'_, T, Next, Tell> {
    /// Writes until there are no more, or until a share cannot be stored: gives it, and why. Of what is under way then, which
    /// begins with it, nothing was stored.
    fn run(&mut self) -> Option<(Share, Error)> {
        let first = (self.next)();
        let share = self.compose(first);
        let more = (self.next)();
        if more.is_empty() { self.settle(stored(share, &self.repository)) } else { self.run_beside(share, more) }
    }

    /// Stores `share` in a thread of its own, then `more` and whatever follows.
    fn run_beside(&mut self, share: Share, mut more: Wishes<T>) -> Option<(Share, Error)> {
        let repository = self.repository.clone();
        thread::scope(|scope| {
            // Gone with this closure, so that the thread ends.
            let (to_store, shares) = mpsc::sync_channel(1);
            let (done, outcomes) = mpsc::channel();
            scope.spawn(move || {
                for outcome in shares.iter().map(|share| stored(share, &repository)) {
                    let failed = outcome.1.is_err();
                    if done.send(outcome).is_err() || failed {
                        return;
                    }
                }
            });
            // Nobody takes a share when one before it could not be stored.
            let _ = to_store.send(share);
            loop {
                let outcome = if !more.is_empty() {
                    let _ = to_store.send(self.compose(more));
                    outcomes.try_recv().ok()
                } else if !self.under_way.is_empty() {
                    Some(outcomes.recv().ok()?)
                } else {
                    return None;
                };
                if let Some(failed) = outcome.and_then(|outcome| self.settle(outcome)) {
                    return Some(failed);
                }
                more = (self.next)();
            }
        })
    }

    fn compose(&mut self, wishes: Wishes<T>) -> Share {
        let share = self.ledger.compose_share(&mut self.heads, wishes.iter().map(|(wish, _)| wish));
        self.under_way.push_back(wishes);
        share
    }

    /// Enters the oldest share that is under way and tells of it if it was stored, else gives it back.
    fn settle(&mut self, (share, outcome): Outcome) -> Option<(Share, Error)> {
        if let Err(error) = outcome {
            return Some((share, error));
        }
        let wishes = self.under_way.pop_front().unwrap_or_default();
        let written = self.ledger.enter(share, wishes.into_iter().map(|(_, who)| who));
        (self.tell)(self.ledger, written);
        None
    }

    /// What could not be stored together may be stored one by one, and everybody is told why theirs was not.
    fn write_singly(&mut self) {
        for (wish, who) in std::mem::take(&mut self.under_way).into_iter().flatten() {
            let share = self.ledger.compose_share(&mut self.ledger.heads().to_vec(), [&wish]);
            let written = match share.store(&self.repository) {
                Ok(()) => self.ledger.enter(share, [who]),
                Err(error) => {
                    self.ledger.discard(&share);
                    Written { new: Vec::new(), answers: vec![(who, Err(error))] }
                }
            };
            (self.tell)(self.ledger, written);
        }
    }
}

fn stored(share: Share, repository: &Repository) -> Outcome {
    let outcome = share.store(repository);
    (share, outcome)
}
