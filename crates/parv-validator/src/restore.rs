//! Handing rows to a store, and bringing a replica back from one.

use crate::history::History;
use crate::replica::Replica;
use crate::rules::{Checked, RuleSet};
use crate::settled::{Position, Row, Settled, Summary, Unreadable};
use parv_model::CommitId;
use std::sync::Arc;

impl<R: RuleSet> Replica<R> {
    /// How many of its commits are read from a store.
    pub fn settled(&self) -> Position {
        self.history.kept()
    }

    /// Whether a commit is known, and read from a store.
    pub fn is_settled(&self, commit: &CommitId) -> bool {
        self.history.position(commit).is_some_and(|position| position < self.history.kept())
    }

    /// The commits that nobody has built on, sorted.
    pub fn tips(&self) -> Vec<CommitId> {
        let mut tips: Vec<_> =
            self.history.tips.iter().filter_map(|tip| self.history.row(*tip)).map(|row| row.id).collect();
        tips.sort();
        tips
    }

    /// What is kept of the commits that are not settled, the oldest first.
    pub fn unsettled(&self) -> impl ExactSizeIterator<Item = &Row<R>> {
        self.history.tail()
    }

    /// What is kept besides the rows.
    pub fn summary(&self) -> Summary<R> {
        let trails = self.history.trails.iter();
        Summary {
            commits: self.history.commits(),
            tips: self.history.tips.iter().copied().collect(),
            steps: self.standpoints.steps().collect(),
            trails: trails
                .flat_map(|(device, of)| of.iter().map(|(account, last)| (*device, *account, *last)))
                .collect(),
            forks: self.history.forks.values().copied().collect(),
        }
    }

    /// Reads the rows that a store has from there, and lets go of them.
    pub fn settle(&mut self, settled: Arc<dyn Settled<R>>) {
        self.history.settle(settled);
    }

    /// A conversation of which a store has all commits so far, with what was kept besides. `firsts` are the commits with
    /// which the summary's steps begin, in their order, with good signatures. They are judged anew.
    ///
    /// # Errors
    /// What was kept cannot be read, or does not fit the commits.
    pub fn restore(
        rules: R,
        settled: Arc<dyn Settled<R>>,
        summary: &Summary<R>,
        firsts: &[R::Commit],
        source: &R::Source<'_>,
    ) -> Result<Self, Unreadable> {
        let damaged = |why: &str| Unreadable(why.to_owned());
        let root = firsts.first().ok_or_else(|| damaged("it has no first commit"))?;
        let within = |position: &Position| *position < summary.commits;
        let lasts = summary.trails.iter().map(|(.., last)| last);
        if settled.commits() != summary.commits || !summary.tips.iter().chain(lasts).all(within) {
            return Err(damaged("there are not as many rows as it says"));
        }
        if firsts.len() != summary.steps.len() {
            return Err(damaged("there are not as many steps as it says"));
        }
        let mut replica = Self::empty(rules, root.id(), History::of(settled));
        for (number, (commit, step)) in (0..).zip(firsts.iter().zip(&summary.steps)) {
            let parents: Option<Vec<_>> = commit.parents().iter().map(|parent| replica.parent(parent)).collect();
            let parents = parents.filter(|_| replica.history.position(&commit.id()) == Some(step.first));
            let parents = parents.ok_or_else(|| Unreadable(format!("commit {} stands elsewhere", commit.id())))?;
            let kept = replica.history.row(step.first).map(|row| row.past);
            if replica.judge(commit, &parents, step.first, source)?.past != number || kept != Some(number) {
                return Err(Unreadable(format!("commit {} makes no step", commit.id())));
            }
            replica.standpoints.extend(number, step.last);
        }
        for tip in &summary.tips {
            // What all others know must be known.
            replica.history.row(*tip).and_then(|row| replica.parent(&row.id));
        }
        replica.history.tips = summary.tips.iter().copied().collect();
        for (device, account, last) in &summary.trails {
            replica.history.remember(*device, *account, *last);
        }
        replica.history.forks = summary.forks.iter().map(|fork| (fork.device, *fork)).collect();
        replica.unreadable().cloned().map_or(Ok(replica), Err)
    }
}
