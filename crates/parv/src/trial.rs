//! What the trials of all repositories that lie anywhere have in common, whatever rules they go by.

use crate::replay;
use parv_model::{CommitId, Refusal, Rule};
use parv_store::{Foreign, StoreError};
use parv_validator::rules::Checked;

/// Why a trial ended early.
pub(crate) enum Halt {
    /// There is nothing to judge, and this is there instead.
    NoConversation(&'static str),
    /// A commit breaks a rule.
    Refused(Refusal),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What came of some commits, in their order: those before the first refusal, and that.
pub(crate) struct Batch<T> {
    pub good: Vec<T>,
    pub refused: Option<Refusal>,
}

impl<T> FromIterator<Result<T, Refusal>> for Batch<T> {
    fn from_iter<I: IntoIterator<Item = Result<T, Refusal>>>(all: I) -> Self {
        let mut batch = Self { good: Vec::new(), refused: None };
        for one in all {
            match one {
                Ok(one) => batch.good.push(one),
                Err(refusal) => {
                    batch.refused = Some(refusal);
                    break;
                }
            }
        }
        batch
    }
}

impl<C: Checked> Batch<C> {
    /// Takes in what was checked until a commit breaks a rule, and looks at the files of those that did not.
    pub(crate) fn judge(
        mut self,
        foreign: &Foreign,
        mut admit: impl FnMut(&C) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let broken = self.good.iter().enumerate().find_map(|(at, commit)| Some((at, admit(commit).err()?)));
        if let Some((at, refusal)) = broken {
            self.good.truncate(at);
            self.refused = Some(refusal);
        }
        let in_files = |(commit, error)| Refusal::new(commit, Rule::Completeness, crate::error::chain(&error));
        foreign.check_files(&self.good).map_err(in_files)?;
        self.refused.map_or(Ok(()), Err)
    }
}

/// A commit, or what it builds on, cannot be read; the error may name which.
pub(crate) fn in_history(from: CommitId, error: &StoreError) -> Refusal {
    let named = |id: &str| id.parse().unwrap_or(from);
    match error {
        StoreError::Missing { id, .. } => replay::missing(named(id)),
        StoreError::Malformed { id, why } => Refusal::new(named(id), Rule::Structure, why.clone()),
        StoreError::Database { id, .. } => Refusal::new(named(id), Rule::Completeness, crate::error::chain(error)),
        _ => Refusal::new(from, Rule::Completeness, crate::error::chain(error)),
    }
}
