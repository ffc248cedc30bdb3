//! What is shown of the words of somebody who was banned (validation §6, "Content").
//!
//! A ban does not reach back: what its target had said before stays. What they said at the same time, knowing nothing of the
//! ban, is shown only if somebody else in good standing had taken it up before hearing of the ban; else it is hidden.
//! Nothing is ever deleted, and what was said at the same time is flagged either way.

use crate::state::State;
use crate::swarm::Replica;
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

impl Replica {
    /// All admitted commits that are concurrent with an effective ban of their author or device, by the state of `heads`.
    /// Hidden for one ban is hidden. What lies beside the heads is judged too, but takes nothing up.
    ///
    /// Costs next to nothing where there are no such commits, else time linear in the number of all commits for each ban
    /// that has some.
    pub fn content(&mut self, heads: &[CommitId]) -> BTreeMap<CommitId, Content> {
        let state = self.state(heads);
        let mut content = BTreeMap::new();
        for (ban, target) in state.bans() {
            let said = self.said_at_the_same_time(&ban, target);
            if said.is_empty() {
                continue;
            }
            let taken_up = self.taken_up(&ban, target, heads, &state);
            for commit in said {
                let shown = if taken_up.contains(&commit) { Content::Flagged } else { Content::Hidden };
                let kept = content.entry(commit).or_insert(shown);
                *kept = shown.max(*kept);
            }
        }
        content
    }

    /// What the target of a ban wrote concurrently with it.
    fn said_at_the_same_time(&self, ban: &CommitId, target: Target) -> Vec<CommitId> {
        let mut said = Vec::new();
        for (device, commits) in self.trails().all() {
            let by_target = |commit: &CommitId| match target {
                Target::Account(uri) => self.author(commit) == Some(uri),
                Target::Device(banned) => *device == banned,
            };
            // A device's commits are a line, so those before the ban are at its beginning; unless it forked.
            let is_line = !self.trails().is_forked(device);
            for commit in commits.iter().rev() {
                if self.is_behind(commit, ban) {
                    if is_line {
                        break;
                    }
                } else if commit != ban && by_target(commit) && !self.is_behind(ban, commit) {
                    said.push(*commit);
                }
            }
        }
        said
    }

    /// The commits concurrent with a ban that another account in good standing wrote or built on, knowing nothing of it.
    fn taken_up(&self, ban: &CommitId, target: Target, heads: &[CommitId], state: &State) -> BTreeSet<CommitId> {
        let accused = match target {
            Target::Account(uri) => Some(uri),
            Target::Device(device) => self.owner(&device),
        };
        // Whoever took up something concurrent with the ban without knowing of the ban did so concurrently too. So it is
        // enough to look at such commits, children first, and to hand down to their parents that they were taken up.
        let mut taken_up = BTreeSet::new();
        for commit in self.newest_first() {
            if commit == *ban || self.is_behind(&commit, ban) || self.is_behind(ban, &commit) {
                continue;
            }
            let by_another = self.author(&commit).is_some_and(|by| Some(by) != accused && state.is_member(&by));
            let is_part = || heads.iter().any(|head| commit == *head || self.is_behind(&commit, head));
            if taken_up.contains(&commit) || by_another && is_part() {
                taken_up.insert(commit);
                taken_up.extend(self.parents(&commit));
            }
        }
        taken_up
    }

    /// Whose a device was when it last wrote.
    fn owner(&self, device: &DeviceId) -> Option<Uri> {
        self.trails().of(device).last().and_then(|commit| self.author(commit))
    }
}
