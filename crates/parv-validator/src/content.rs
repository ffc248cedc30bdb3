//! What is shown of the words of somebody who was banned (validation §6, "Content").
//!
//! A ban does not reach back: what its target had said before stays. What they said at the same time, knowing nothing of the
//! ban, is shown only if somebody else in good standing had taken it up before hearing of the ban; else it is hidden.
//! Nothing is ever deleted, and what was said at the same time is flagged either way.

use crate::settled::{self, Position};
use crate::state::State;
use crate::swarm::{Replica, Swarm};
use parv_model::{CommitId, DeviceId, Target, Uri};
use std::collections::{BTreeMap, BTreeSet};

/// How a commit that is concurrent with a ban of its author, or of its author's device, is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// Shown, with a flag: somebody in good standing built on it before hearing of the ban.
    Flagged,
    /// Hidden: nobody did.
    Hidden,
}

impl Content {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Content::Flagged => "flagged",
            Content::Hidden => "hidden",
        }
    }
}

type Row = settled::Row<Swarm>;

impl Replica {
    /// All admitted commits that are concurrent with an effective ban of their author or device, by the state of `heads`.
    /// Hidden for one ban is hidden. What lies beside the heads is judged too, but takes nothing up.
    ///
    /// Costs next to nothing where nothing is concurrent with a ban, else time linear in how much was written while it was
    /// not known to all.
    pub fn content(&mut self, heads: &[CommitId]) -> BTreeMap<CommitId, Content> {
        let state = self.state(heads);
        let mut content = BTreeMap::new();
        for (ban, target) in state.bans() {
            let beside = self.beside(&ban);
            let by_target = |row: &Row| match target {
                Target::Account(uri) => row.author == uri,
                Target::Device(device) => row.device == device,
            };
            let said: Vec<CommitId> =
                beside.iter().map(|(_, row)| row).filter(|row| by_target(row)).map(|row| row.id).collect();
            if said.is_empty() {
                continue;
            }
            let taken_up = self.taken_up(&beside, target, heads, &state);
            for commit in said {
                let shown = if taken_up.contains(&commit) { Content::Flagged } else { Content::Hidden };
                let kept = content.entry(commit).or_insert(shown);
                *kept = shown.max(*kept);
            }
        }
        content
    }

    /// The commits that are concurrent with a ban, children first.
    fn beside(&self, ban: &CommitId) -> Vec<(Position, Row)> {
        let Some((position, row)) = self.history.position(ban).and_then(|at| Some((at, self.history.row(at)?))) else {
            return Vec::new();
        };
        // The newest event behind the ban is the ban.
        let number = self.standpoint(ban).map_or(0, |behind| behind.past.events.end().saturating_sub(1));
        let knows_not = |step: u32| self.standpoints.get(step).is_some_and(|it| !it.past.events.contains(number));
        let spans = self.standpoints.steps().zip(0..).filter(|(_, step)| knows_not(*step)).map(|(step, _)| step);
        // All before that is behind the ban.
        let spans = spans.map(|step| (step.first.max(row.complete), step.last));
        let mut spans: Vec<_> = spans.filter(|(first, last)| first <= last).collect();
        spans.sort();
        let mut beside = Vec::new();
        let mut next = 0;
        for (first, last) in spans {
            for other in first.max(next)..=last {
                next = other + 1;
                let found = self.history.row(other).filter(|other| knows_not(other.past));
                beside.extend(found.filter(|_| !self.history.is_ancestor(other, position)).map(|row| (other, row)));
            }
        }
        beside.reverse();
        beside
    }

    /// Those of the commits concurrent with a ban that another account in good standing wrote or built on, knowing nothing
    /// of it.
    fn taken_up(
        &self,
        beside: &[(Position, Row)],
        target: Target,
        heads: &[CommitId],
        state: &State,
    ) -> BTreeSet<CommitId> {
        let accused = match target {
            Target::Account(uri) => Some(uri),
            Target::Device(device) => self.owner(&device),
        };
        let heads: Vec<Position> = heads.iter().filter_map(|head| self.history.position(head)).collect();
        // Whoever took up something concurrent with the ban without knowing of the ban did so concurrently too. So it is
        // enough to look at such commits, children first, and to hand down to their parents that they were taken up.
        let mut reached = BTreeSet::new();
        let mut taken_up = BTreeSet::new();
        for (position, row) in beside {
            let by_another = Some(row.author) != accused && state.is_member(&row.author);
            let is_part = || heads.iter().any(|head| head == position || self.history.is_ancestor(*position, *head));
            if reached.contains(position) || by_another && is_part() {
                taken_up.insert(row.id);
                reached.extend(row.parents.iter());
            }
        }
        taken_up
    }

    /// Whose a device was when it last wrote.
    fn owner(&self, device: &DeviceId) -> Option<Uri> {
        self.history.last_of(device).and_then(|last| self.history.row(last)).map(|row| row.author)
    }
}
