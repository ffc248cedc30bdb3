//! From the events that count to the state they stand for.
//!
//! Only what the region touches is looked at anew; everything else is as it was below.

use super::counts::{self, Counts};
use super::fixpoint::Outcome;
use super::region::Region;
use super::standing::{About, Membership};
use super::{Events, Settled};
use crate::event::{Act, Event};
use crate::event_set::EventNumber;
use crate::state::{Certificate, Standing, State, Vote};
use parv_model::{BlobId, Category, DeviceId, Target, Uri, VoteKind};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Makes the state.
pub(super) fn assemble(events: Events<'_>, region: &Region, outcome: &Outcome) -> Settled {
    if let Some(base) = &region.base
        && region.control.is_empty()
    {
        return (**base).clone();
    }
    let mut counts = region.below().clone();
    let touched = Touched::by(events, region);
    outcome.alive.iter().for_each(|&e| counts.push(events, e));
    for (list, author) in region.control.iter().map(|&e| (e, events.get(e))).filter(|(_, e)| e.brought.list.is_some()) {
        counts.push_list(author.author, list);
    }
    let mut assembly = Assembly { events, region, outcome, state: beginning(events, region), counts };
    assembly.bans_and_ballots();
    touched.accounts.iter().for_each(|&uri| assembly.account(uri));
    let owned = touched.accounts.iter().flat_map(|&uri| assembly.counts.owned(uri));
    let devices: BTreeSet<DeviceId> = owned.chain(touched.devices.iter().copied()).collect();
    devices.into_iter().for_each(|device| assembly.device(device));
    touched.accounts.iter().for_each(|&uri| assembly.revocations(uri));
    assembly.votes(&touched);
    if let Some(profile) = assembly.profile() {
        assembly.state.set_profile(profile);
    }
    let undecided = outcome.undecided.iter().map(|&r| events.get(r).commit);
    assembly.state.undecided = undecided.collect();
    Settled { state: Arc::new(assembly.state), counts: assembly.counts }
}

/// The state below; at the beginning nobody yet, in the mode that the first commit fixed.
fn beginning(events: Events<'_>, region: &Region) -> State {
    match (&region.base, region.all.first()) {
        (Some(base), _) => (*base.state).clone(),
        (None, Some(&first)) => State::empty(events.get(first).before.mode, events.get(first).before.named),
        // No events at all: the ground before any first commit, where nobody has a part in anything.
        (None, None) => State::empty(parv_model::Mode::OneToOne, None),
    }
}

/// The accounts and devices that a region is about or that wrote it.
struct Touched {
    accounts: BTreeSet<Uri>,
    devices: BTreeSet<DeviceId>,
}

impl Touched {
    fn by(events: Events<'_>, region: &Region) -> Self {
        let mut touched = Self { accounts: BTreeSet::new(), devices: BTreeSet::new() };
        for &e in &region.control {
            touched.accounts.insert(events.get(e).author);
            for target in counts::subjects(events, e) {
                match target {
                    Target::Account(uri) => drop(touched.accounts.insert(uri)),
                    Target::Device(device) => drop(touched.devices.insert(device)),
                }
            }
            touched.devices.extend(counts::shows(events, e).map(|(device, _)| device));
        }
        touched
    }
}

struct Assembly<'a> {
    events: Events<'a>,
    region: &'a Region,
    outcome: &'a Outcome,
    state: State,
    counts: Counts,
}

impl Assembly<'_> {
    fn about(&self, target: impl Into<Target>) -> About<'_> {
        self.counts.standing(self.events, target)
    }

    fn account(&mut self, uri: Uri) {
        let about = self.about(uri);
        let membership = about.membership();
        let promotions = if membership == Membership::Member { about.promotions() } else { Vec::new() };
        let standing = match membership {
            Membership::Member => self.account_certificate(uri).map(|certificate| {
                match promotions.iter().map(|&p| self.events.get(p).key()).min() {
                    Some(seniority) => Standing::Admin(certificate, seniority),
                    None => Standing::Member(certificate),
                }
            }),
            Membership::Banned => Some(self.banned(uri)),
            Membership::Invited => Some(Standing::Invited),
            Membership::Left => Some(Standing::Left),
            Membership::Unknown => None,
        };
        self.state.set_standing(uri, standing);
    }

    /// Where a banned one's certificate lies: the highest folder that a ban in force took it from.
    fn banned(&self, uri: Uri) -> Standing {
        let about = self.about(uri);
        let categories = about.bans_in_force().filter_map(|b| match self.events.get(b).act {
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

    /// Certificates that were renewed at the same time weigh as much as they are good for (decision 0024).
    fn account_certificate(&self, uri: Uri) -> Option<Certificate> {
        let brought = |e: EventNumber| self.events.get(e).brought.account;
        let latest = self.events.latest(self.counts.certified(uri), |e| brought(e).map(|it| it.term()));
        latest.and_then(brought)
    }

    /// A device of a member, brought or unbanned since its account last came in and it was last banned; or a banned one,
    /// as the latest ban in force found it.
    fn device(&mut self, device: DeviceId) {
        let about = self.about(device);
        let papers = |e| counts::shows(self.events, e).find(|(id, _)| *id == device).map(|(_, papers)| papers);
        let shown = self.counts.shown(device).filter(|&e| {
            papers(e).is_some_and(|papers| {
                self.state.is_member(&papers.account)
                    && self
                        .events
                        .is_after(e, self.about(papers.account).removals().chain(about.bans().iter().copied()))
            })
        });
        let papers = self.events.latest(shown, |e| papers(e).map(|it| it.certificate.term())).and_then(papers);
        let ban = self.events.latest(about.bans_in_force(), |_| ());
        let banned = ban.and_then(|b| self.events.get(b).before.devices.get(&device).copied());
        drop(about);
        self.state.set_device(device, papers);
        self.state.set_banned_device(device, banned);
    }

    /// Lists count unconditionally, whether the commit that brought them counts or not; the tree shows the latest of a
    /// member, brought since their account last came in.
    fn revocations(&mut self, account: Uri) {
        if self.counts.lists(account).next().is_none() {
            return;
        }
        let mut revocations = self.state.revocations.get(&account).cloned().unwrap_or_default();
        for &e in self.region.lists(&account) {
            if let Some(list) = &self.events.get(e).brought.list {
                revocations = revocations.with(list);
            }
        }
        let about = self.about(account);
        let shown = self.counts.lists(account).filter(|&e| self.events.is_after(e, about.removals()));
        let latest = shown.filter_map(|e| {
            let event = self.events.get(e);
            event.brought.list.as_ref().map(|list| (list.number, event.commit, list.blob))
        });
        revocations.shown = latest.max().map(|(_, _, blob)| blob).filter(|_| self.state.is_member(&account));
        drop(about);
        self.state.set_revocations(account, revocations);
    }

    /// Bans, and the votes that a resolution to come may count.
    fn bans_and_ballots(&mut self) {
        let events = self.events;
        let alive: BTreeSet<EventNumber> = self.outcome.alive.iter().copied().collect();
        for &e in &self.region.control {
            if let Act::Vote { kind, target, .. } = events.get(e).act {
                let void = (!alive.contains(&e)).then_some(e);
                self.counts.push_vote(kind, target, events.get(e).author, void);
            }
        }
        for &e in &self.outcome.ballots {
            if let Act::Vote { kind, target, .. } = events.get(e).act {
                self.counts.push_ballot(kind, target, e);
            }
        }
        for &e in &self.outcome.alive {
            if let Some((kind, target)) = events.get(e).resolution() {
                self.counts.expire_ballots(events, target, e);
                if kind == VoteKind::Ban {
                    self.state.bans.insert(events.get(e).commit, target);
                }
            }
        }
    }

    /// Votes of admins that nothing has ended.
    fn votes(&mut self, touched: &Touched) {
        let is_touched = |target: Target, vote: &Event| match target {
            Target::Account(uri) => touched.accounts.contains(&uri) || touched.accounts.contains(&vote.author),
            // Whose the device is may have changed.
            Target::Device(_) => true,
        };
        let below = self.counts.open().filter(|&(target, v)| is_touched(target, self.events.get(v)));
        let mut uncertain: Vec<(Target, EventNumber)> = below.collect();
        uncertain.extend(self.outcome.alive.iter().filter_map(|&v| match self.events.get(v).act {
            Act::Vote { target, .. } => Some((target, v)),
            _ => None,
        }));
        let open: Vec<bool> = uncertain.iter().map(|&(_, v)| self.is_open(v)).collect();
        // The same vote can have been cast twice, on two branches, and one of them still be open.
        let (open, closed): (Vec<_>, Vec<_>) = uncertain.into_iter().zip(open).partition(|(_, open)| *open);
        for ((target, v), open) in closed.into_iter().chain(open) {
            self.counts.set_open(target, v, open);
            if let Act::Vote { kind, category, target } = self.events.get(v).act {
                self.state.set_vote(Vote { kind, category, target, voter: self.events.get(v).author }, open);
            }
        }
    }

    fn is_open(&self, v: EventNumber) -> bool {
        self.state.is_admin(&self.events.get(v).author) && self.counts.vote_goes_on(self.events, v)
    }

    /// The later edit in causal order, else the one with the higher commit id: the picture is cosmetic, so a hash may
    /// decide. None where the region does not edit it.
    fn profile(&self) -> Option<BlobId> {
        let is_edit = |e: &EventNumber| matches!(self.events.get(*e).act, Act::Profile(_));
        let latest = self.events.latest(self.outcome.alive.iter().copied().filter(is_edit), |_| ());
        latest.and_then(|e| match self.events.get(e).act {
            Act::Profile(blob) => Some(blob),
            _ => None,
        })
    }
}
