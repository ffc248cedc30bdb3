//! Parv's own rules on the core: validation §4 to §6, put together from `kinds`, `authority` and `resolve`.

use crate::authority::{self, Author};
use crate::checked::CheckedCommit;
use crate::event::{Act, Brought, Event};
use crate::event_set::EventSet;
use crate::kinds::{self, Editable};
use crate::replica::{self, Behind};
use crate::resolve::{self, Resolver, Settled};
use crate::rules::{Checked, Deed, Memo, Placed, Rendering, RuleSet, Weight};
use crate::source::BlobSource;
use crate::state::State;
use parv_model::{CommitId, ConversationId, DeviceId, Refusal, Role, Rule, Target, TreeId, Uri, VoteKind};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The rules of a swarm.
#[derive(Debug, Clone, Copy, Default)]
pub struct Swarm;

/// The replay of one swarm.
pub type Replica = replica::Replica<Swarm>;

/// What a commit of a swarm does: by what it says, and by the certificates that it brings; and a time that its attested time
/// has reached, as far as that is known.
#[derive(Debug)]
pub struct Effect {
    pub(crate) act: Act,
    pub(crate) brought: Brought,
    pub(crate) reached: Option<i64>,
}

/// What is kept of a swarm's commits.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    pub(crate) leaves: bool,
    pub(crate) editable: Editable,
    /// A time that the attested time of what comes next has reached, where nothing changed and it is known.
    pub(crate) reached: Option<i64>,
}

impl Mark {
    /// What a store keeps of it: all but the time that was reached, which is found again when somebody asks.
    pub fn to_byte(self) -> u8 {
        let editable = match self.editable {
            Editable::No => 0,
            Editable::Delete => 1,
            Editable::Rewrite => 2,
        };
        editable | u8::from(self.leaves) << 2
    }

    /// What a store kept; None where no mark is kept so.
    pub fn from_byte(byte: u8) -> Option<Self> {
        let editable = match byte & 3 {
            0 => Editable::No,
            1 => Editable::Delete,
            2 => Editable::Rewrite,
            _ => return None,
        };
        (byte < 8).then_some(Self { leaves: byte & 4 != 0, editable, reached: None })
    }
}

impl RuleSet for Swarm {
    type Account = Uri;
    type Commit = CheckedCommit;
    type State = State;
    type Effect = Effect;
    type Event = Event;
    type Settled = Settled;
    type Mark = Mark;
    type Source<'a> = dyn BlobSource + 'a;

    fn first(&self, commit: &CheckedCommit, source: &(dyn BlobSource + '_)) -> Result<(Deed<Self>, State), Refusal> {
        kinds::initial(commit, source)
    }

    fn ordinary(
        &self,
        commit: &CheckedCommit,
        before: &Arc<State>,
        behind: &Behind<'_, Self>,
        source: &(dyn BlobSource + '_),
    ) -> Result<Deed<Self>, Refusal> {
        kinds::ordinary(commit, before, behind, source)
    }

    fn may_merge(&self, commit: &CheckedCommit, behind: &Behind<'_, Self>) -> Result<(), Refusal> {
        if behind.is_redundant() {
            return Err(commit.refuse(Rule::Kind, "it merges a head with that head's own past"));
        }
        Ok(())
    }

    fn merge(
        &self,
        commit: &CheckedCommit,
        merged: &Arc<State>,
        behind: &Behind<'_, Self>,
        _: &(dyn BlobSource + '_),
    ) -> Result<Deed<Self>, Refusal> {
        let Author { uri: author, brought, reached } = authority::merger(commit, merged, behind)?;
        Ok(Deed { author, effect: Effect { act: Act::Witness, brought, reached } })
    }

    fn weight(&self, effect: &Effect) -> Weight {
        match effect.act {
            Act::Witness => Weight::Witness,
            _ => Weight::Control,
        }
    }

    fn mark(&self, commit: &CheckedCommit, deed: &Deed<Self>) -> Mark {
        let Effect { act, reached, .. } = &deed.effect;
        Mark {
            leaves: *act == Act::Leave,
            editable: Editable::of(commit.message()),
            reached: reached.filter(|_| *act == Act::Witness),
        }
    }

    fn event(&self, placed: Placed<'_, Self>, deed: Deed<Self>) -> Event {
        let Deed { author, effect: Effect { act, brought, .. } } = deed;
        let device = placed.commit.commit().device;
        let papers = brought.device.map(|(_, papers)| papers);
        let papers = papers.or_else(|| placed.before.devices.get(&device).copied());
        Event {
            commit: placed.commit.id(),
            serial: papers.map(|papers| papers.serial),
            generation: placed.generation,
            author,
            device,
            act,
            brought,
            past: placed.past.clone(),
            known: placed.known.clone(),
            before: placed.before.clone(),
        }
    }

    fn resolve(&self, events: &[Event], memo: &mut Memo<Settled>, set: &EventSet) -> Arc<State> {
        let state = Resolver::new(events, memo).settle(set).state.clone();
        resolve::thin(memo, resolve::MOST_REMEMBERED);
        state
    }
}

impl Checked for CheckedCommit {
    type Device = DeviceId;

    fn id(&self) -> CommitId {
        CheckedCommit::id(self)
    }

    fn tree(&self) -> TreeId {
        self.commit().tree
    }

    fn parents(&self) -> &[CommitId] {
        &self.commit().parents
    }

    fn device(&self) -> DeviceId {
        self.commit().device
    }

    fn time(&self) -> i64 {
        self.commit().time
    }
}

impl Rendering for State {
    fn tree(&self) -> TreeId {
        State::tree(self)
    }
}

impl Replica {
    /// A swarm that begins with this commit.
    pub fn begin(root: &CheckedCommit, source: &dyn BlobSource) -> Result<Self, Refusal> {
        Self::begin_under(Swarm, root, source)
    }

    /// The conversation.
    pub fn conversation(&self) -> ConversationId {
        ConversationId::new(self.root())
    }

    /// The same state as [`state`](Self::state), from all events at once: nothing is taken as settled, nothing remembered.
    /// Slow; it is there for properties and fuzzers to hold the fast way against.
    pub fn resolve_in_full(&self, heads: &[CommitId]) -> State {
        let events = self.events_behind(&self.maximal(heads));
        let mut memo = Memo::new();
        (*Resolver::plain(&self.events, &mut memo).settle(&events).state).clone()
    }

    /// The votes of an account in what these heads reach that are stale or void in all of it together, though nothing was
    /// decided about their targets: what an honest device casts again (validation §6, "No rollback").
    pub fn lost_votes(&mut self, heads: &[CommitId], voter: Uri) -> BTreeSet<(VoteKind, Target)> {
        let events = self.events_behind(&self.maximal(heads));
        Resolver::new(&self.events, &mut self.memo).lost_votes(&events, voter)
    }

    /// The gate (validation §8): whether the fetched heads may be let in next to the local ones. The author of each must
    /// be in good standing in the state of all of them together. What lies behind the local heads was let in before.
    pub fn gate(&mut self, local: &[CommitId], fetched: &[CommitId]) -> Result<(), Refusal> {
        let together = [local, fetched].concat();
        let new: Vec<CommitId> = self.maximal(&together).into_iter().filter(|head| !local.contains(head)).collect();
        new.iter().try_for_each(|head| self.good_standing(&together, head))
    }

    /// Whether the author of an admitted commit is in good standing in the state of these heads; whoever leaves needs it
    /// up to their leaving only.
    pub fn good_standing(&mut self, heads: &[CommitId], commit: &CommitId) -> Result<(), Refusal> {
        let state = self.state(heads);
        let Some(row) = self.history.find(commit) else {
            return Err(Refusal::new(*commit, Rule::Completeness, "it has not been admitted"));
        };
        let (author, device, leaves) = (row.author, row.device, row.mark.leaves);
        let role = state.role(&author);
        if !(matches!(role, Some(Role::Admin | Role::Member)) || leaves && role == Some(Role::Left)) {
            let role = role.map_or("a stranger".to_owned(), |role| role.to_string());
            return Err(Refusal::new(*commit, Rule::Standing, format!("its author {author} is {role} by now")));
        }
        if state.is_device_banned(&device) {
            return Err(Refusal::new(*commit, Rule::Standing, format!("its device {device} is banned by now")));
        }
        if state.is_revoked(&device) {
            return Err(Refusal::new(*commit, Rule::Standing, format!("its device {device} is revoked by now")));
        }
        Ok(())
    }
}
