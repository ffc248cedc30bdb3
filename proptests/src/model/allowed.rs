//! Who may do what next (validation §4 and §5).

use super::{Deed, Device, Event, History, Person, State};
use parv_model::{Mode, VoteKind};

impl History {
    /// Whether the rules allow this event as the next one.
    pub fn allowed(&self, event: &Event) -> bool {
        let before = self.state(&event.parents);
        let who = event.who;
        // The first commit is its own authority.
        if !matches!(event.deed, Deed::Begin(..)) && !self.papers_in_order(event, &before) {
            return false;
        }
        let fork = || self.concurrent(event.parents[0], event.parents[1]);
        if before.banned_devices.contains_key(&(who, event.device)) {
            return false;
        }
        match (event.deed, event.parents.len()) {
            (Deed::Begin(mode, named), 0) => named.is_none() || mode == Mode::OneToOne && named != Some(who),
            (Deed::Merge, 2) => before.is_member(who) && fork(),
            (Deed::Begin(..) | Deed::Merge, _) => false,
            (_, n) if n != 1 => false,
            (Deed::Join, _) => before.invited.contains(&who) || self.mode() == Mode::Public && is_outside(&before, who),
            (Deed::Text | Deed::Leave, _) => before.is_member(who),
            (Deed::Add(target), _) => {
                let may_invite = match self.mode() {
                    Mode::OneToOne => self.events[0].deed == Deed::Begin(Mode::OneToOne, Some(target)),
                    Mode::AdminInvitesOnly => before.is_admin(who),
                    Mode::InvitesOnly | Mode::Public => true,
                };
                before.is_member(who) && target != who && may_invite && is_outside(&before, target)
            }
            (Deed::Profile, _) => before.is_admin(who),
            (Deed::Vote(kind, target), _) => {
                before.is_admin(who)
                    && target != who
                    && is_target(&before, kind, target)
                    && !before.votes.contains(&(kind, target, who))
            }
            (Deed::VoteOnDevice(kind, target), _) => {
                before.is_admin(who)
                    && target != (who, event.device)
                    && is_device_target(&before, kind, target)
                    && !before.votes_on_devices.contains(&(kind, target, who))
            }
            (Deed::ResolveOnDevice(kind, target), _) => {
                let votes = before.votes_on_devices.iter().filter(|(k, t, _)| (*k, *t) == (kind, target)).count();
                before.is_admin(who) && is_device_target(&before, kind, target) && 2 * votes > before.admins.len()
            }
            (Deed::Resolve(kind, target), _) => {
                let votes = before.votes.iter().filter(|(k, t, _)| (*k, *t) == (kind, target)).count();
                before.is_admin(who) && is_target(&before, kind, target) && 2 * votes > before.admins.len()
            }
        }
    }
}

/// A stranger, or somebody who has left.
fn is_outside(state: &State, who: Person) -> bool {
    state.category(who).is_none()
}

fn is_device_target(state: &State, kind: VoteKind, target: Device) -> bool {
    match kind {
        VoteKind::Ban => state.devices.contains_key(&target),
        VoteKind::Unban => state.banned_devices.contains_key(&target),
        VoteKind::Promote | VoteKind::Demote => false,
    }
}

fn is_target(state: &State, kind: VoteKind, target: Person) -> bool {
    match kind {
        VoteKind::Ban => state.is_member(target) || state.invited.contains(&target),
        VoteKind::Unban => state.banned.contains_key(&target),
        VoteKind::Promote => state.members.contains(&target),
        VoteKind::Demote => state.is_admin(target),
    }
}
