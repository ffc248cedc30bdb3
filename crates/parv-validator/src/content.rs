//! What is shown of the words of somebody who was banned (validation §6, "Content").
//!
//! A ban does not reach back: what its target had said before stays. What they said at the same time, knowing nothing of the
//! ban, is shown only if somebody else in good standing had taken it up before hearing of the ban; else it is hidden.
//! Nothing is ever deleted, and what was said at the same time is flagged either way.

use crate::replica::Replica;
use crate::state::State;
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

impl Replica {
    /// All admitted commits that are concurrent with an effective ban of their author or device, by the state of `heads`.
    /// Hidden for one ban is hidden. What lies beside the heads is judged too, but takes nothing up. Costs time linear in the number of commits for each ban; nothing where there is none.
    pub fn content(&mut self, heads: &[CommitId]) -> BTreeMap<CommitId, Content> {
        let state = self.state(heads);
        let mut content = BTreeMap::new();
        for (ban, target) in state.bans() {
            for (commit, shown) in self.concurrent_with(&ban, target, heads, &state) {
                let kept = content.entry(commit).or_insert(shown);
                *kept = shown.max(*kept);
            }
        }
        content
    }

    /// What the target of a ban wrote concurrently with it.
    fn concurrent_with(
        &self,
        ban: &CommitId,
        target: Target,
        heads: &[CommitId],
        state: &State,
    ) -> Vec<(CommitId, Content)> {
        let is_target = |author: &Uri, device: &DeviceId| match target {
            Target::Account(uri) => uri == *author,
            Target::Device(banned) => banned == *device,
        };
        let accused = match target {
            Target::Account(uri) => Some(uri),
            Target::Device(device) => self.owner_of_device(&device),
        };
        // Whoever took up something concurrent with the ban without knowing of the ban did so concurrently too. So it is
        // enough to look at those commits, children first, and to hand down to their parents that they were taken up.
        let mut taken_up: BTreeSet<CommitId> = BTreeSet::new();
        let mut found = Vec::new();
        for commit in self.newest_first() {
            if commit == *ban || self.is_behind(&commit, ban) || self.is_behind(ban, &commit) {
                continue;
            }
            let (author, device) = self.writer(&commit);
            let by_another = Some(author) != accused && state.is_member(&author);
            let is_part = || heads.iter().any(|head| commit == *head || self.is_behind(&commit, head));
            if taken_up.contains(&commit) || by_another && is_part() {
                taken_up.insert(commit);
                taken_up.extend(self.parents(&commit));
            }
            if is_target(&author, &device) {
                let shown = if taken_up.contains(&commit) { Content::Flagged } else { Content::Hidden };
                found.push((commit, shown));
            }
        }
        found
    }
}
