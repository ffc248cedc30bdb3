//! From the events that count to the state they stand for.

use super::Events;
use super::fixpoint::Outcome;
use super::standing::{Counted, Membership};
use crate::event::Act;
use crate::event_set::{EventNumber, EventSet};
use crate::revocation::Revocations;
use crate::state::{Certificate, Device, Standing, State, Vote};
use imbl::OrdMap;
use parv_model::{BlobId, Category, CommitId, DeviceId, Target, Uri, VoteKind};
use std::collections::BTreeMap;

/// Makes the state.
pub(super) fn assemble(events: Events<'_>, set: &EventSet, outcome: &Outcome) -> State {
    let mut counted = Counted::new(events);
    outcome.alive.iter().for_each(|&e| counted.push(e));
    let mut assembly = Assembly { events, set, alive: &outcome.alive, counted };
    let mut state = assembly.beginning();
    let accounts: Vec<Uri> = assembly.counted.accounts().copied().collect();
    for uri in accounts {
        assembly.account(&mut state, uri);
    }
    assembly.devices(&mut state);
    assembly.revocations(&mut state);
    assembly.votes(&mut state);
    state.profile = assembly.profile();
    state.bans = assembly.bans();
    state.undecided = outcome.undecided.iter().map(|&r| events.get(r).commit).collect();
    state.seal();
    state
}

struct Assembly<'a> {
    events: Events<'a>,
    set: &'a EventSet,
    alive: &'a [EventNumber],
    counted: Counted<'a>,
}

impl Assembly<'_> {
    /// Nobody yet, in the mode that the first commit fixed.
    fn beginning(&self) -> State {
        match self.set.iter().next().map(|first| self.events.get(first)) {
            Some(first) => State::empty(first.before.mode, first.before.named),
            // No events at all: the ground before any first commit, where nobody has a part in anything.
            None => State::empty(parv_model::Mode::OneToOne, None),
        }
    }

    fn account(&mut self, state: &mut State, uri: Uri) {
        let standing = match self.counted.membership(&uri, self.set) {
            Membership::Member => {
                let Some(certificate) = self.account_certificate(uri) else {
                    return;
                };
                let promotions = self.counted.promotions(&uri, self.set);
                match promotions.iter().map(|&p| self.events.get(p).key()).min() {
                    Some(seniority) => {
                        state.admins.push((seniority, uri));
                        Standing::Admin(certificate)
                    }
                    None => Standing::Member(certificate),
                }
            }
            Membership::Banned => self.banned(uri),
            Membership::Invited => Standing::Invited,
            Membership::Left => {
                state.left.insert(uri);
                return;
            }
            Membership::Unknown => return,
        };
        state.accounts.insert(uri, standing);
    }

    /// Where a banned one's certificate lies: the highest folder that a ban in force took it from.
    fn banned(&self, uri: Uri) -> Standing {
        let bans = self.counted.bans_in_force(&uri, self.set);
        let categories = bans.iter().filter_map(|&b| match self.events.get(b).act {
            Act::Resolve { category, .. } => Some(category),
            _ => None,
        });
        match (categories.min(), self.account_certificate(uri)) {
            (Some(category @ (Category::Admins | Category::Members)), Some(certificate)) => {
                Standing::Banned(category, Some(certificate))
            }
            _ => Standing::Banned(Category::Invited, None),
        }
    }

    fn account_certificate(&self, uri: Uri) -> Option<Certificate> {
        let brought = self.alive.iter().copied().filter(|&e| {
            let event = self.events.get(e);
            event.author == uri && event.brought.account.is_some()
        });
        self.latest(brought.collect()).and_then(|e| self.events.get(e).brought.account)
    }

    /// Devices of members, brought or unbanned since their account last came in and they were last banned; and those that
    /// are banned, as the latest ban in force found them.
    fn devices(&self, state: &mut State) {
        let mut shown: BTreeMap<DeviceId, Vec<(EventNumber, Device)>> = BTreeMap::new();
        for &e in self.alive {
            let after = |ends: Vec<EventNumber>| ends.iter().all(|&r| r != e && self.events.le(r, e));
            for (device, papers) in self.events.get(e).brought.device.into_iter().chain(self.lets_back(e)) {
                if state.is_member(&papers.account)
                    && after(self.counted.removals(&papers.account, self.set))
                    && after(self.counted.device_resolutions(VoteKind::Ban, &device, self.set))
                {
                    shown.entry(device).or_default().push((e, papers));
                }
            }
        }
        for (device, candidates) in shown {
            let latest = self.latest(candidates.iter().map(|(e, _)| *e).collect());
            if let Some((_, papers)) = candidates.iter().find(|(e, _)| Some(*e) == latest) {
                state.devices.insert(device, *papers);
            }
        }
        for device in self.counted.devices() {
            let bans = self.counted.device_bans_in_force(device, self.set);
            if let Some(papers) = self.latest(bans).and_then(|b| self.events.get(b).before.devices.get(device)) {
                state.banned_devices.insert(*device, *papers);
            }
        }
    }

    /// The device that an event lets back to where it may write.
    fn lets_back(&self, e: EventNumber) -> Option<(DeviceId, Device)> {
        let event = self.events.get(e);
        let Some((VoteKind::Unban, Target::Device(device))) = event.resolution() else {
            return None;
        };
        let papers = event.before.banned_devices.get(&device)?;
        event.before.is_member(&papers.account).then_some((device, *papers))
    }

    /// Lists count unconditionally, whether the commit that brought them counts or not; the tree shows the latest of a
    /// member, brought since their account last came in.
    fn revocations(&self, state: &mut State) {
        let mut lists: BTreeMap<Uri, Vec<EventNumber>> = BTreeMap::new();
        for e in self.set.iter().filter(|&e| self.events.get(e).brought.list.is_some()) {
            lists.entry(self.events.get(e).author).or_default().push(e);
        }
        for (account, brought) in lists {
            let removals = self.counted.removals(&account, self.set);
            let mut revocations = Revocations::default();
            let mut shown = None;
            for e in brought {
                let Some(list) = &self.events.get(e).brought.list else { continue };
                revocations = revocations.with(list);
                if state.is_member(&account) && removals.iter().all(|&r| r != e && self.events.le(r, e)) {
                    shown = shown.max(Some((list.number, self.events.get(e).commit, list.blob)));
                }
            }
            revocations.shown = shown.map(|(_, _, blob)| blob);
            state.revocations.insert(account, revocations);
        }
    }

    /// Votes of admins who have been in office ever since, on targets about whom nothing has been resolved since.
    fn votes(&self, state: &mut State) {
        for &e in self.alive {
            let event = self.events.get(e);
            let Act::Vote { kind, category, target } = event.act else {
                continue;
            };
            let owner = target.device().and_then(|device| event.before.owner(&device));
            let before_it = |ends: Vec<EventNumber>| ends.iter().all(|&r| self.events.le(r, e));
            if state.is_admin(&event.author)
                && before_it(self.counted.losses_of_office(&event.author, self.set))
                && before_it(self.counted.ends_of_votes(&target, owner, self.set))
            {
                state.votes.insert(Vote { kind, category, target, voter: event.author });
            }
        }
    }

    fn bans(&self) -> OrdMap<CommitId, Target> {
        let bans = self.alive.iter().map(|&e| self.events.get(e)).filter_map(|event| match event.resolution()? {
            (VoteKind::Ban, target) => Some((event.commit, target)),
            _ => None,
        });
        bans.collect()
    }

    /// The later edit in causal order, else the one with the higher commit id: the picture is cosmetic, so a hash may
    /// decide.
    fn profile(&self) -> Option<BlobId> {
        let edits = self.alive.iter().copied().filter(|&e| matches!(self.events.get(e).act, Act::Profile(_)));
        self.latest(edits.collect()).and_then(|e| match self.events.get(e).act {
            Act::Profile(blob) => Some(blob),
            _ => None,
        })
    }

    /// Of these, the one that no other comes after; of several such, the one with the highest commit id.
    fn latest(&self, candidates: Vec<EventNumber>) -> Option<EventNumber> {
        let superseded = |&e: &EventNumber| candidates.iter().any(|&later| later != e && self.events.le(e, later));
        candidates.iter().copied().filter(|e| !superseded(e)).max_by_key(|&e| self.events.get(e).commit)
    }
}
