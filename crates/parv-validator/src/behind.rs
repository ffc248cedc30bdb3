//! What a rule set may ask about the past of a commit that it judges.

use crate::history::History;
use crate::replica::Parent;
use crate::rules::RuleSet;
use parv_model::CommitId;
use std::sync::Arc;

/// What lies behind a commit that is being judged.
#[derive(Debug)]
pub struct Behind<'a, R: RuleSet> {
    history: &'a History<R>,
    parents: &'a [Parent<R>],
}

impl<'a, R: RuleSet> Behind<'a, R> {
    pub(crate) fn new(history: &'a History<R>, parents: &'a [Parent<R>]) -> Self {
        Self { history, parents }
    }

    /// Author and mark of an earlier commit, if it lies in this past.
    pub fn earlier(&self, commit: &CommitId) -> Option<(R::Account, R::Mark)> {
        let history = self.history;
        let position = history.position(commit)?;
        let is_behind =
            |parent: &Parent<R>| parent.position == position || history.is_ancestor(position, parent.position);
        let row = history.row(position).filter(|_| self.parents.iter().any(is_behind))?;
        Some((row.author, row.mark))
    }

    /// Whether one of two parents is an ancestor of the other.
    pub fn is_redundant(&self) -> bool {
        let history = self.history;
        let is_below =
            |one: &Parent<R>| self.parents.iter().any(|other| history.is_ancestor(one.position, other.position));
        self.parents.iter().any(is_below)
    }

    /// The parents with their states.
    pub fn sides(&self) -> impl Iterator<Item = (CommitId, &'a Arc<R::State>)> {
        self.parents.iter().map(|parent| (parent.row.id, &parent.standpoint.state))
    }

    /// What is kept of each parent, with the state after it.
    pub fn marks(&self) -> impl Iterator<Item = (&'a R::Mark, &'a Arc<R::State>)> {
        self.parents.iter().map(|parent| (&parent.row.mark, &parent.standpoint.state))
    }

    /// The latest date of all, as shown to people.
    pub fn newest(&self) -> i64 {
        self.parents.iter().map(|parent| parent.row.time).max().unwrap_or_default()
    }

    /// The latest date of a commit by this account, if it has one.
    pub fn newest_of(&self, account: &R::Account) -> Option<i64> {
        let latest = |parent: &Parent<R>| self.history.latest_date(parent.position, account);
        self.parents.iter().filter_map(latest).max()
    }
}
