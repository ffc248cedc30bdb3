//! What somebody is, by the events about them that count.
//!
//! These are the definitions behind roles: a ban removes those whose admission it has seen, an unban helps only what
//! comes after it, a leave ends everything of its account that does not come after it.

use super::Events;
use crate::event::Act;
use crate::event_set::EventNumber;
use parv_model::{Category, Target, VoteKind};

/// What somebody is, as far as membership goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Member,
    Banned,
    Invited,
    Left,
    Unknown,
}

/// The events about one account, or about one device, that a question may look at, by what they do.
pub(super) struct About<'a> {
    events: Events<'a>,
    adds: Vec<EventNumber>,
    /// Joins, and the first commit for its author.
    joins: Vec<EventNumber>,
    leaves: Vec<EventNumber>,
    bans: Vec<EventNumber>,
    /// Unbans of a former member or admin, or of a device.
    unbans: Vec<EventNumber>,
    /// Unbans of a former invitee.
    reinvites: Vec<EventNumber>,
    /// Promotions, unbans of former admins, and the first commit for its author.
    promotions: Vec<EventNumber>,
    demotions: Vec<EventNumber>,
}

impl<'a> About<'a> {
    /// Sorts events about `target`.
    pub(super) fn new(events: Events<'a>, target: Target, numbers: impl Iterator<Item = EventNumber>) -> Self {
        let mut about = Self {
            events,
            adds: Vec::new(),
            joins: Vec::new(),
            leaves: Vec::new(),
            bans: Vec::new(),
            unbans: Vec::new(),
            reinvites: Vec::new(),
            promotions: Vec::new(),
            demotions: Vec::new(),
        };
        numbers.for_each(|number| about.push(target, number));
        about
    }

    fn push(&mut self, target: Target, number: EventNumber) {
        let event = self.events.get(number);
        match event.act {
            Act::Initial { .. } if target == Target::Account(event.author) => {
                self.joins.push(number);
                self.promotions.push(number);
            }
            Act::Initial { .. } | Act::Add(_) => self.adds.push(number),
            Act::Join => self.joins.push(number),
            Act::Leave => self.leaves.push(number),
            Act::Resolve { kind, category, .. } => match (kind, category) {
                (VoteKind::Ban, _) => self.bans.push(number),
                (VoteKind::Unban, Category::Invited) => self.reinvites.push(number),
                (VoteKind::Unban, Category::Members | Category::Devices) => self.unbans.push(number),
                (VoteKind::Unban, Category::Admins) => {
                    self.unbans.push(number);
                    self.promotions.push(number);
                }
                (VoteKind::Promote, _) => self.promotions.push(number),
                (VoteKind::Demote, _) => self.demotions.push(number),
            },
            Act::Witness | Act::Vote { .. } | Act::Profile(_) | Act::Certificates => {}
        }
    }

    /// What the account is.
    pub(super) fn membership(&self) -> Membership {
        let le = |x, y| self.events.le(x, y);
        if self.is_member() {
            return Membership::Member;
        }
        if self.bans_in_force().next().is_some() {
            return Membership::Banned;
        }
        let mut invitations = self.adds.iter().chain(&self.reinvites);
        if invitations.any(|&x| {
            !self.joins.iter().chain(&self.leaves).any(|&j| le(x, j)) && !self.bans.iter().any(|&b| self.ban_ends(b, x))
        }) {
            return Membership::Invited;
        }
        if self.leaves.is_empty() { Membership::Unknown } else { Membership::Left }
    }

    /// Whether it takes part. The newest admission is the likeliest to stand, and the newest ban to end one.
    pub(super) fn is_member(&self) -> bool {
        let admissions = self.joins.iter().rev().chain(self.unbans.iter().rev());
        admissions.into_iter().any(|&j| {
            !self.bans.iter().rev().any(|&b| self.ban_ends(b, j))
                && self.leaves.iter().rev().all(|&l| self.events.le(l, j))
        })
    }

    /// Whether a ban ends what began with `admission`: it came later, or it is concurrent with a join whose invitation
    /// it has seen.
    fn ban_ends(&self, ban: EventNumber, admission: EventNumber) -> bool {
        let le = |x, y| self.events.le(x, y);
        if le(ban, admission) {
            return false;
        }
        le(admission, ban)
            || self.events.get(admission).act == Act::Join
                && self.adds.iter().chain(&self.joins).any(|&x| x != admission && le(x, admission) && le(x, ban))
    }

    /// The promotions by which it is an admin; none for everybody else.
    pub(super) fn promotions(&self) -> Vec<EventNumber> {
        if self.promotions.is_empty() || !self.is_member() {
            return Vec::new();
        }
        self.promotions.iter().copied().filter(|&p| self.promotion_stands(p)).collect()
    }

    /// Whether it is an admin.
    pub(super) fn is_admin(&self) -> bool {
        self.promotions.iter().rev().any(|&p| self.promotion_stands(p)) && self.is_member()
    }

    fn promotion_stands(&self, promotion: EventNumber) -> bool {
        let le = |x, y| self.events.le(x, y);
        let ban_ends = |b: EventNumber| {
            let knew =
                |&j: &EventNumber| le(j, promotion) && (le(j, b) || self.adds.iter().any(|&x| le(x, j) && le(x, b)));
            !le(b, promotion) && (le(promotion, b) || self.joins.iter().any(knew))
        };
        !self.bans.iter().rev().any(|&b| ban_ends(b))
            && self.demotions.iter().rev().chain(self.leaves.iter().rev()).all(|&d| le(d, promotion))
    }

    /// The bans.
    pub(super) fn bans(&self) -> &[EventNumber] {
        &self.bans
    }

    /// The bans that no unban has lifted.
    pub(super) fn bans_in_force(&self) -> impl DoubleEndedIterator<Item = EventNumber> + '_ {
        let lifted = |b: EventNumber| self.unbans.iter().chain(&self.reinvites).rev().any(|&x| self.events.le(b, x));
        self.bans.iter().copied().filter(move |&b| !lifted(b))
    }

    /// The events after which nothing of the account from before remains: bans and leaves.
    pub(super) fn removals(&self) -> impl Iterator<Item = EventNumber> + '_ {
        self.bans.iter().chain(&self.leaves).copied()
    }

    /// The events after which no vote of the account from before is open: bans, leaves and demotions.
    pub(super) fn losses_of_office(&self) -> impl Iterator<Item = EventNumber> + '_ {
        self.removals().chain(self.demotions.iter().copied())
    }
}
