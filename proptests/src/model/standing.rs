//! Who is what, by the events that count and the part of the history that a question looks at.

use super::{Deed, Device, History, Person, Set, has};
use parv_model::{Category, VoteKind};

/// What somebody is, as far as membership goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Member,
    Banned,
    Invited,
    Left,
    Stranger,
}

/// The events that count, seen from somewhere.
pub(super) struct View<'a> {
    pub(super) history: &'a History,
    pub(super) counted: &'a [usize],
    pub(super) from: &'a Set,
}

impl View<'_> {
    fn all(&self, wanted: impl Fn(Person, Deed, Option<Category>) -> bool) -> Vec<usize> {
        let of = |&x: &usize| {
            let event = &self.history.events[x];
            has(self.from, x) && wanted(event.who, event.deed, self.history.places[x].category)
        };
        self.counted.iter().copied().filter(of).collect()
    }

    fn resolved(&self, kind: VoteKind, target: Person, category: impl Fn(Category) -> bool) -> Vec<usize> {
        self.all(|_, deed, c| deed == Deed::Resolve(kind, target) && c.is_some_and(&category))
    }

    fn invitations(&self, u: Person) -> Vec<usize> {
        self.all(|_, deed, _| deed == Deed::Add(u) || matches!(deed, Deed::Begin(_, Some(named)) if named == u))
    }

    fn joins(&self, u: Person) -> Vec<usize> {
        self.all(|who, deed, _| who == u && matches!(deed, Deed::Join | Deed::Begin(..)))
    }

    pub(super) fn leaves(&self, u: Person) -> Vec<usize> {
        self.all(|who, deed, _| who == u && deed == Deed::Leave)
    }

    pub(super) fn bans(&self, u: Person) -> Vec<usize> {
        self.resolved(VoteKind::Ban, u, |_| true)
    }

    pub(super) fn demotions(&self, u: Person) -> Vec<usize> {
        self.resolved(VoteKind::Demote, u, |_| true)
    }

    /// Everything that has been resolved about somebody.
    pub(super) fn resolutions(&self, u: Person) -> Vec<usize> {
        self.all(|_, deed, _| matches!(deed, Deed::Resolve(_, target) if target == u))
    }

    /// The bans of a device.
    pub(super) fn device_bans(&self, device: Device) -> Vec<usize> {
        self.all(|_, deed, _| deed == Deed::ResolveOnDevice(VoteKind::Ban, device))
    }

    /// The bans of a device that no unban came after.
    pub(super) fn device_bans_in_force(&self, device: Device) -> Vec<usize> {
        let unbans = self.all(|_, deed, _| deed == Deed::ResolveOnDevice(VoteKind::Unban, device));
        self.device_bans(device).into_iter().filter(|&b| unbans.iter().all(|&x| !self.history.le(b, x))).collect()
    }

    /// Everything that has been resolved about a device.
    pub(super) fn device_resolutions(&self, device: Device) -> Vec<usize> {
        self.all(|_, deed, _| matches!(deed, Deed::ResolveOnDevice(_, target) if target == device))
    }

    /// Whether a ban ends what began with `admission`: it came later, or the admission is a concurrent join, and the ban
    /// has seen the invitation (or an earlier coming in) behind it.
    fn ends(&self, u: Person, ban: usize, admission: usize) -> bool {
        let le = |x, y| self.history.le(x, y);
        if le(ban, admission) {
            return false;
        }
        let seen = |x: usize| x != admission && le(x, admission) && le(x, ban);
        le(admission, ban)
            || self.history.events[admission].deed == Deed::Join
                && (self.invitations(u).into_iter().any(seen) || self.joins(u).into_iter().any(seen))
    }

    pub(super) fn is_member(&self, u: Person) -> bool {
        let unbans = self.resolved(VoteKind::Unban, u, |category| category != Category::Invited);
        let mut admissions = self.joins(u);
        admissions.extend(unbans);
        admissions.into_iter().any(|j| {
            self.bans(u).into_iter().all(|b| !self.ends(u, b, j))
                && self.leaves(u).into_iter().all(|l| self.history.le(l, j))
        })
    }

    /// The bans that no unban came after.
    pub(super) fn bans_in_force(&self, u: Person) -> Vec<usize> {
        let unbans = self.resolved(VoteKind::Unban, u, |_| true);
        self.bans(u).into_iter().filter(|&b| unbans.iter().all(|&x| !self.history.le(b, x))).collect()
    }

    fn is_invited(&self, u: Person) -> bool {
        let mut invitations = self.invitations(u);
        invitations.extend(self.resolved(VoteKind::Unban, u, |category| category == Category::Invited));
        let mut used_by = self.joins(u);
        used_by.extend(self.leaves(u));
        invitations.into_iter().any(|x| {
            used_by.iter().all(|&j| !self.history.le(x, j)) && self.bans(u).into_iter().all(|b| !self.ends(u, b, x))
        })
    }

    pub(super) fn membership(&self, u: Person) -> Membership {
        if self.is_member(u) {
            Membership::Member
        } else if !self.bans_in_force(u).is_empty() {
            Membership::Banned
        } else if self.is_invited(u) {
            Membership::Invited
        } else if !self.leaves(u).is_empty() {
            Membership::Left
        } else {
            Membership::Stranger
        }
    }

    /// The events that make somebody an admin; none for everybody else.
    pub(super) fn promotions(&self, u: Person) -> Vec<usize> {
        if !self.is_member(u) {
            return Vec::new();
        }
        let le = |x, y| self.history.le(x, y);
        let mut promotions = self.all(|who, deed, _| who == u && matches!(deed, Deed::Begin(..)));
        promotions.extend(self.resolved(VoteKind::Promote, u, |_| true));
        promotions.extend(self.resolved(VoteKind::Unban, u, |category| category == Category::Admins));
        // A ban ends a promotion that it did not know if it knew of the membership that the promotion rests on.
        let ban_ends = |b: usize, p: usize| {
            let knew =
                |j: usize| le(j, p) && (le(j, b) || self.invitations(u).into_iter().any(|x| le(x, j) && le(x, b)));
            !le(b, p) && (le(p, b) || self.joins(u).into_iter().any(knew))
        };
        promotions.retain(|&p| {
            self.bans(u).into_iter().all(|b| !ban_ends(b, p))
                && self.demotions(u).into_iter().all(|d| le(d, p))
                && self.leaves(u).into_iter().all(|l| le(l, p))
        });
        promotions
    }

    pub(super) fn is_admin(&self, u: Person) -> bool {
        !self.promotions(u).is_empty()
    }
}
