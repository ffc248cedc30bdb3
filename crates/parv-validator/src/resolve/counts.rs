//! The events of a settled part that still matter, by what is asked of them.
//!
//! The sets share what did not change, so that one is kept for every control event.

use super::Events;
use super::standing::About;
use crate::event::Act;
use crate::event_set::EventNumber;
use crate::state::Device;
use imbl::OrdSet;
use parv_model::{DeviceId, Target, Uri, VoteKind};
use std::ops::RangeInclusive;

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Events that count, by the account or device that they are about.
    about: OrdSet<(Target, EventNumber)>,
    /// Events that count and bring the certificate of their author's account.
    certified: OrdSet<(Uri, EventNumber)>,
    /// Events that count and show a device in the tree.
    shown: OrdSet<(DeviceId, EventNumber)>,
    /// The devices that were ever shown for an account.
    owned: OrdSet<(Uri, DeviceId)>,
    /// Events that bring a revocation list; all of them, since a list holds whatever becomes of its commit.
    lists: OrdSet<(Uri, EventNumber)>,
    /// Votes that a resolution to come may count: their author could cast them, nothing has voided them for good, and
    /// nothing has been resolved about their target since. (A vote that is stale, or whose author has lost and regained
    /// office, is not open in the tree, but a resolution that has seen all of that may count it.)
    ballots: OrdSet<(VoteKind, Target, EventNumber)>,
    /// Everybody who ever voted so.
    voters: OrdSet<(VoteKind, Target, Uri)>,
    /// Votes that are stale or void.
    void_votes: OrdSet<(Uri, EventNumber)>,
    /// Votes that are open in the tree.
    open: OrdSet<(Target, EventNumber)>,
}

/// All events of one account, device, ….
fn of<T: Copy>(key: T) -> RangeInclusive<(T, EventNumber)> {
    (key, 0)..=(key, EventNumber::MAX)
}

impl Counts {
    /// Takes in an event that counts.
    pub(super) fn push(&mut self, events: Events<'_>, e: EventNumber) {
        let event = events.get(e);
        for target in subjects(events, e) {
            self.about.insert((target, e));
        }
        if event.brought.account.is_some() {
            self.certified.insert((event.author, e));
        }
        for (device, papers) in shows(events, e) {
            self.shown.insert((device, e));
            self.owned.insert((papers.account, device));
        }
    }

    /// Takes in an event that brings a revocation list, whether it counts or not.
    pub(super) fn push_list(&mut self, author: Uri, e: EventNumber) {
        self.lists.insert((author, e));
    }

    /// Takes in somebody's vote, which counts or is void.
    pub(super) fn push_vote(&mut self, kind: VoteKind, target: Target, voter: Uri, void: Option<EventNumber>) {
        self.voters.insert((kind, target, voter));
        self.void_votes.extend(void.map(|e| (voter, e)));
    }

    /// Takes in a vote that a resolution to come may count.
    pub(super) fn push_ballot(&mut self, kind: VoteKind, target: Target, e: EventNumber) {
        self.ballots.insert((kind, target, e));
    }

    /// Forgets the votes about `target` that `resolution` does not come before.
    pub(super) fn expire_ballots(&mut self, events: Events<'_>, target: Target, resolution: EventNumber) {
        for kind in VoteKind::ALL {
            let expired: Vec<EventNumber> = self.ballots(kind, target).filter(|&v| !events.le(resolution, v)).collect();
            for v in expired {
                self.ballots.remove(&(kind, target, v));
            }
        }
    }

    /// Opens a vote, or closes it.
    pub(super) fn set_open(&mut self, target: Target, e: EventNumber, open: bool) {
        if open {
            self.open.insert((target, e));
        } else {
            self.open.remove(&(target, e));
        }
    }

    pub(super) fn about(&self, target: Target) -> impl DoubleEndedIterator<Item = EventNumber> + '_ {
        self.about.range(of(target)).map(|&(_, e)| e)
    }

    pub(super) fn certified(&self, account: Uri) -> impl DoubleEndedIterator<Item = EventNumber> + '_ {
        self.certified.range(of(account)).map(|&(_, e)| e)
    }

    pub(super) fn shown(&self, device: DeviceId) -> impl DoubleEndedIterator<Item = EventNumber> + '_ {
        self.shown.range(of(device)).map(|&(_, e)| e)
    }

    pub(super) fn owned(&self, account: Uri) -> impl Iterator<Item = DeviceId> + '_ {
        let [first, last] = [0, u8::MAX].map(|byte| DeviceId::from_bytes([byte; 32]));
        self.owned.range((account, first)..=(account, last)).map(|&(_, device)| device)
    }

    pub(super) fn lists(&self, account: Uri) -> impl DoubleEndedIterator<Item = EventNumber> + '_ {
        self.lists.range(of(account)).map(|&(_, e)| e)
    }

    pub(super) fn ballots(&self, kind: VoteKind, target: Target) -> impl Iterator<Item = EventNumber> + '_ {
        self.ballots.range((kind, target, 0)..=(kind, target, EventNumber::MAX)).map(|&(.., v)| v)
    }

    pub(super) fn voters(&self, kind: VoteKind, target: Target) -> impl Iterator<Item = Uri> + '_ {
        let [first, last] = [0, u8::MAX].map(|byte| Uri::from_bytes([byte; 32]));
        self.voters.range((kind, target, first)..=(kind, target, last)).map(|&(.., voter)| voter)
    }

    pub(super) fn void_votes(&self, voter: Uri) -> impl DoubleEndedIterator<Item = EventNumber> + '_ {
        self.void_votes.range(of(voter)).map(|&(_, e)| e)
    }

    /// What counts of all that is about an account or a device.
    pub(super) fn standing<'a>(&self, events: Events<'a>, target: impl Into<Target>) -> About<'a> {
        let target = target.into();
        About::new(events, target, self.about(target))
    }

    /// Whether nothing has ended a vote: its author has been in office ever since, nothing has been resolved about its
    /// target, which has not gone either, nor has the account whose device that is.
    pub(super) fn vote_goes_on(&self, events: Events<'_>, v: EventNumber) -> bool {
        let vote = events.get(v);
        let Act::Vote { target, .. } = vote.act else { return false };
        let ends_votes = |&e: &EventNumber| matches!(events.get(e).act, Act::Resolve { .. } | Act::Leave);
        let owner = target.device().and_then(|device| vote.before.owner(&device));
        events.is_after(v, self.standing(events, vote.author).losses_of_office())
            && events.is_after(v, self.about(target).filter(ends_votes))
            && owner.is_none_or(|owner| events.is_after(v, self.standing(events, owner).removals()))
    }

    pub(super) fn open(&self) -> impl Iterator<Item = (Target, EventNumber)> + '_ {
        self.open.iter().copied()
    }
}

/// Whom or what an event is about, as far as standing goes.
pub(super) fn subjects(events: Events<'_>, e: EventNumber) -> impl Iterator<Item = Target> {
    let event = events.get(e);
    let (first, second) = match event.act {
        Act::Initial { invited } => (Some(event.author.into()), invited.map(Target::Account)),
        Act::Join | Act::Leave => (Some(event.author.into()), None),
        Act::Add(uri) => (Some(uri.into()), None),
        Act::Resolve { target, .. } => (Some(target), None),
        Act::Witness | Act::Vote { .. } | Act::Profile(_) | Act::Certificates => (None, None),
    };
    first.into_iter().chain(second)
}

/// The devices that an event shows, if it counts: the one whose certificate it brings, and one that it unbans, which comes
/// back if its account is there.
pub(super) fn shows(events: Events<'_>, e: EventNumber) -> impl Iterator<Item = (DeviceId, Device)> {
    let event = events.get(e);
    let let_back = match event.resolution() {
        Some((VoteKind::Unban, Target::Device(device))) => event.before.banned_devices.get(&device).copied(),
        _ => None,
    };
    let let_back = let_back.filter(|papers| event.before.is_member(&papers.account));
    let device = event.resolution().and_then(|(_, target)| target.device());
    event.brought.device.into_iter().chain(device.zip(let_back))
}
