//! Jami's rules on the validator's core (decision 0021).

use crate::checked::CheckedCommit;
use crate::id::Account;
use crate::kinds;
use crate::lenience::{Laxness, Warning};
use crate::source::Objects;
use crate::state::State;
use crate::three_way;
use parv_model::{Refusal, Rule};
use parv_validator::event_set::EventSet;
use parv_validator::replica::{self, Behind};
use parv_validator::rules::{Checked, Deed, Memo, Placed, RuleSet, Weight};
use std::cell::RefCell;
use std::sync::Arc;

/// The rules of a conversation of Jami.
#[derive(Debug, Clone, Default)]
pub struct JamiRules {
    lenient: bool,
    warnings: RefCell<Vec<Warning>>,
}

/// The replay of one conversation of Jami.
pub type Replica = replica::Replica<JamiRules>;

impl JamiRules {
    /// The rules as they are described.
    pub fn strict() -> Self {
        Self::default()
    }

    /// The rules as the original enforces them.
    pub fn lenient() -> Self {
        Self { lenient: true, ..Self::default() }
    }

    /// What was let through so far.
    pub fn warnings(&self) -> Vec<Warning> {
        self.warnings.borrow().clone()
    }

    /// Whether what the original lets through is let through.
    pub(crate) fn is_lenient(&self) -> bool {
        self.lenient
    }

    /// Something the original does not mind: a warning from a lenient judge, a refusal from a strict one.
    pub(crate) fn lax(&self, commit: &CheckedCommit, laxness: Laxness, rule: Rule, why: String) -> Result<(), Refusal> {
        if !self.lenient {
            return Err(commit.refuse(rule, why));
        }
        self.warnings.borrow_mut().push(Warning { commit: commit.id(), laxness, why });
        Ok(())
    }

    /// The same where it may also be in order.
    pub(crate) fn expect(
        &self,
        holds: bool,
        commit: &CheckedCommit,
        laxness: Laxness,
        rule: Rule,
        why: impl FnOnce() -> String,
    ) -> Result<(), Refusal> {
        if holds { Ok(()) } else { self.lax(commit, laxness, rule, why()) }
    }
}

/// What a commit does: the state it leaves.
#[derive(Debug)]
pub struct Effect {
    pub(crate) after: Arc<State>,
    /// Whether that is not what was there before.
    pub(crate) changes: bool,
}

/// A commit that changes files.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its strict ancestors.
    pub(crate) past: EventSet,
    pub(crate) after: Arc<State>,
}

/// What is kept of every commit.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    pub(crate) editable: bool,
}

impl RuleSet for JamiRules {
    type Account = Account;
    type Commit = CheckedCommit;
    type State = State;
    type Effect = Effect;
    type Event = Event;
    type Settled = State;
    type Mark = Mark;
    type Source<'a> = dyn Objects + 'a;

    fn first(&self, commit: &CheckedCommit, source: &(dyn Objects + '_)) -> Result<(Deed<Self>, State), Refusal> {
        kinds::first(self, commit, source)
    }

    fn ordinary(
        &self,
        commit: &CheckedCommit,
        before: &Arc<State>,
        behind: &Behind<'_, Self>,
        source: &(dyn Objects + '_),
    ) -> Result<Deed<Self>, Refusal> {
        kinds::ordinary(self, commit, before, behind, source)
    }

    fn may_merge(&self, commit: &CheckedCommit, behind: &Behind<'_, Self>) -> Result<(), Refusal> {
        kinds::may_merge(self, commit, behind)
    }

    fn merge(
        &self,
        commit: &CheckedCommit,
        merged: &Arc<State>,
        behind: &Behind<'_, Self>,
        source: &(dyn Objects + '_),
    ) -> Result<Deed<Self>, Refusal> {
        kinds::merge(self, commit, merged, behind, source)
    }

    fn weight(&self, effect: &Effect) -> Weight {
        // Who wrote what, knowing what, decides nothing: there are no endorsements here.
        if effect.changes { Weight::Control } else { Weight::None }
    }

    fn mark(&self, commit: &CheckedCommit, _: &Deed<Self>) -> Mark {
        Mark { editable: commit.message().is_editable() }
    }

    fn event(&self, placed: Placed<'_, Self>, deed: Deed<Self>) -> Event {
        Event { past: placed.past.clone(), after: deed.effect.after }
    }

    fn resolve(&self, events: &[Event], memo: &mut Memo<State>, set: &EventSet) -> Arc<State> {
        three_way::resolve(events, memo, set)
    }
}
