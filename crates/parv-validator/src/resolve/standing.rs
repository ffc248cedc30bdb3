//! Who is what, by a set of events that count and the part of it that a question looks at.
//!
//! These are the definitions behind roles: a ban removes those whose admission it has seen, an unban helps only what
//! comes after it, a leave ends everything of its account that does not come after it.

use super::Events;
use crate::event::Act;
use crate::event_set::{EventNumber, EventSet};
use parv_model::{Category, DeviceId, Target, Uri, VoteKind};
use std::collections::BTreeMap;

/// What somebody is, as far as membership goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Member,
    Banned,
    Invited,
    Left,
    Unknown,
}

/// Events that count, by the account that they are about.
pub(super) struct Counted<'a> {
    events: Events<'a>,
    about: BTreeMap<Uri, Vec<EventNumber>>,
    /// The bans and unbans of each device.
    about_devices: BTreeMap<DeviceId, Vec<EventNumber>>,
}

/// The events about one account that a question may look at, by what they do.
#[derive(Default)]
struct About {
    adds: Vec<EventNumber>,
    /// Joins, and the first commit for its author.
    joins: Vec<EventNumber>,
    leaves: Vec<EventNumber>,
    bans: Vec<EventNumber>,
    /// Unbans of a former member or admin.
    unbans: Vec<EventNumber>,
    /// Unbans of a former invitee.
    reinvites: Vec<EventNumber>,
    /// Promotions, unbans of former admins, and the first commit for its author.
    promotions: Vec<EventNumber>,
    demotions: Vec<EventNumber>,
}

impl<'a> Counted<'a> {
    pub(super) fn new(events: Events<'a>) -> Self {
        Self { events, about: BTreeMap::new(), about_devices: BTreeMap::new() }
    }

    /// Lets one more event count.
    pub(super) fn push(&mut self, event: EventNumber) {
        let e = self.events.get(event);
        let mut about = |uri: Uri| self.about.entry(uri).or_default().push(event);
        match e.act {
            Act::Initial { invited } => {
                about(e.author);
                invited.into_iter().for_each(about);
            }
            Act::Join | Act::Leave => about(e.author),
            Act::Add(uri) | Act::Resolve { target: Target::Account(uri), .. } => about(uri),
            Act::Resolve { target: Target::Device(device), .. } => {
                self.about_devices.entry(device).or_default().push(event);
            }
            Act::Witness | Act::Vote { .. } | Act::Profile(_) | Act::Certificates => {}
        }
    }

    fn about(&self, uri: &Uri, mask: &EventSet) -> About {
        let mut about = About::default();
        for &number in self.about.get(uri).into_iter().flatten().filter(|&&number| mask.contains(number)) {
            let event = self.events.get(number);
            match event.act {
                Act::Initial { .. } if event.author == *uri => {
                    about.joins.push(number);
                    about.promotions.push(number);
                }
                Act::Initial { .. } | Act::Add(_) => about.adds.push(number),
                Act::Join => about.joins.push(number),
                Act::Leave => about.leaves.push(number),
                Act::Resolve { kind, category, .. } => match (kind, category) {
                    (VoteKind::Ban, _) => about.bans.push(number),
                    (VoteKind::Unban, Category::Invited) => about.reinvites.push(number),
                    (VoteKind::Unban, Category::Members) => about.unbans.push(number),
                    // No account lies in the folder for devices.
                    (VoteKind::Unban, Category::Devices) => {}
                    (VoteKind::Unban, Category::Admins) => {
                        about.unbans.push(number);
                        about.promotions.push(number);
                    }
                    (VoteKind::Promote, _) => about.promotions.push(number),
                    (VoteKind::Demote, _) => about.demotions.push(number),
                },
                Act::Witness | Act::Vote { .. } | Act::Profile(_) | Act::Certificates => {}
            }
        }
        about
    }

    /// What `uri` is in the part `mask` of the history.
    pub(super) fn membership(&self, uri: &Uri, mask: &EventSet) -> Membership {
        let about = self.about(uri, mask);
        let le = |x, y| self.events.le(x, y);
        if self.is_member(&about) {
            return Membership::Member;
        }
        if !self.standing_bans(&about).is_empty() {
            return Membership::Banned;
        }
        let mut invitations = about.adds.iter().chain(&about.reinvites);
        if invitations.any(|&x| {
            !about.joins.iter().chain(&about.leaves).any(|&j| le(x, j))
                && !about.bans.iter().any(|&b| self.ban_ends(&about, b, x))
        }) {
            return Membership::Invited;
        }
        if about.leaves.is_empty() { Membership::Unknown } else { Membership::Left }
    }

    fn is_member(&self, about: &About) -> bool {
        about.joins.iter().chain(&about.unbans).any(|&j| {
            !about.bans.iter().any(|&b| self.ban_ends(about, b, j))
                && about.leaves.iter().all(|&l| self.events.le(l, j))
        })
    }

    /// Whether a ban ends what began with `admission`: it came later, or it is concurrent with a join whose invitation
    /// it has seen.
    fn ban_ends(&self, about: &About, ban: EventNumber, admission: EventNumber) -> bool {
        let le = |x, y| self.events.le(x, y);
        if le(ban, admission) {
            return false;
        }
        le(admission, ban)
            || self.events.get(admission).act == Act::Join
                && about.adds.iter().chain(&about.joins).any(|&x| x != admission && le(x, admission) && le(x, ban))
    }

    /// The promotions by which `uri` is an admin in the part `mask` of the history; none for everybody else.
    pub(super) fn promotions(&self, uri: &Uri, mask: &EventSet) -> Vec<EventNumber> {
        let about = self.about(uri, mask);
        if !self.is_member(&about) {
            return Vec::new();
        }
        let le = |x, y| self.events.le(x, y);
        let ban_ends = |b: EventNumber, p: EventNumber| {
            !le(b, p)
                && (le(p, b)
                    || about
                        .joins
                        .iter()
                        .any(|&j| le(j, p) && (le(j, b) || about.adds.iter().any(|&x| le(x, j) && le(x, b)))))
        };
        let holds = |p: &EventNumber| {
            !about.bans.iter().any(|&b| ban_ends(b, *p))
                && about.demotions.iter().chain(&about.leaves).all(|&d| le(d, *p))
        };
        about.promotions.iter().copied().filter(holds).collect()
    }

    /// Whether `uri` is an admin in the part `mask` of the history.
    pub(super) fn is_admin(&self, uri: &Uri, mask: &EventSet) -> bool {
        !self.promotions(uri, mask).is_empty()
    }

    /// The bans of `uri` that no unban has lifted.
    pub(super) fn bans_in_force(&self, uri: &Uri, mask: &EventSet) -> Vec<EventNumber> {
        self.standing_bans(&self.about(uri, mask))
    }

    fn standing_bans(&self, about: &About) -> Vec<EventNumber> {
        let lifted = |b: EventNumber| about.unbans.iter().chain(&about.reinvites).any(|&x| self.events.le(b, x));
        about.bans.iter().copied().filter(|&b| !lifted(b)).collect()
    }

    /// The events after which nothing of `uri` from before remains: bans and leaves.
    pub(super) fn removals(&self, uri: &Uri, mask: &EventSet) -> Vec<EventNumber> {
        let about = self.about(uri, mask);
        [about.bans, about.leaves].concat()
    }

    /// The events after which no vote of `uri` from before is open: bans, leaves and demotions.
    pub(super) fn losses_of_office(&self, uri: &Uri, mask: &EventSet) -> Vec<EventNumber> {
        let about = self.about(uri, mask);
        [about.bans, about.leaves, about.demotions].concat()
    }

    /// The events after which no vote about `target` from before is open: every resolution about them, and their leaving;
    /// for a device, whose it is by `owner`, every resolution about it, and every removal of its account.
    pub(super) fn ends_of_votes(&self, target: &Target, owner: Option<Uri>, mask: &EventSet) -> Vec<EventNumber> {
        match target {
            Target::Account(uri) => {
                let ends = |&&number: &&EventNumber| {
                    mask.contains(number) && matches!(self.events.get(number).act, Act::Resolve { .. } | Act::Leave)
                };
                self.about.get(uri).into_iter().flatten().filter(ends).copied().collect()
            }
            Target::Device(device) => {
                let resolutions = self.about_devices.get(device).into_iter().flatten().copied();
                let mut ends: Vec<_> = resolutions.filter(|&number| mask.contains(number)).collect();
                ends.extend(owner.map(|owner| self.removals(&owner, mask)).unwrap_or_default());
                ends
            }
        }
    }

    /// The resolutions of this kind about a device.
    pub(super) fn device_resolutions(&self, kind: VoteKind, device: &DeviceId, mask: &EventSet) -> Vec<EventNumber> {
        let is_one = |&&number: &&EventNumber| {
            mask.contains(number) && self.events.get(number).resolution().is_some_and(|(k, _)| k == kind)
        };
        self.about_devices.get(device).into_iter().flatten().filter(is_one).copied().collect()
    }

    /// The bans of a device that no unban has lifted.
    pub(super) fn device_bans_in_force(&self, device: &DeviceId, mask: &EventSet) -> Vec<EventNumber> {
        let unbans = self.device_resolutions(VoteKind::Unban, device, mask);
        let mut bans = self.device_resolutions(VoteKind::Ban, device, mask);
        bans.retain(|&b| !unbans.iter().any(|&x| self.events.le(b, x)));
        bans
    }

    /// The devices that some counted event bans or unbans.
    pub(super) fn devices(&self) -> impl Iterator<Item = &DeviceId> {
        self.about_devices.keys()
    }

    /// Everybody that some counted event is about.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Uri> {
        self.about.keys()
    }
}
