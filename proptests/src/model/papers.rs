//! Certificates, revocation lists, and attested time (validation §4 and §7).

use super::{Deed, Event, History, Person, Set, State, members_of};
use parv_model::VoteKind;
use std::collections::BTreeSet;

/// A certificate of an account or of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Which file it is.
    pub file: String,
    /// The number by which a revocation list names it.
    pub serial: String,
    /// The first second in which it is good.
    pub from: i64,
    /// The last one.
    pub until: i64,
}

/// A revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Which file it is.
    pub file: String,
    /// Its own number: later lists have higher ones.
    pub number: u64,
    /// The certificates that it revokes.
    pub revoked: BTreeSet<String>,
}

/// What a commit brings of its author's, and the profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Papers {
    /// The account's certificate, new or renewed.
    pub account: Option<Certificate>,
    /// The writing device's certificate, new or renewed.
    pub device: Option<Certificate>,
    /// A revocation list.
    pub list: Option<List>,
    /// The profile that the commit says it replaces.
    pub profile: Option<String>,
}

impl Event {
    /// Whether all that its author has goes with it, or nothing can come.
    fn nothing_rides(&self) -> bool {
        matches!(self.deed, Deed::Merge | Deed::Leave) || self.deed == Deed::Resolve(VoteKind::Ban, self.who)
    }
}

impl Papers {
    /// Neither certificate nor list.
    fn are_none(&self) -> bool {
        self.account.is_none() && self.device.is_none() && self.list.is_none()
    }
}

impl History {
    /// What an event brings where every account and every device has one certificate that never ends, and no account
    /// revokes any: the certificates that are not known yet.
    pub fn first_papers(&self, event: &Event) -> Papers {
        let before = self.state(&event.parents);
        if event.nothing_rides() {
            return Papers::default();
        }
        let for_ever = |file: String| Certificate { serial: file.clone(), file, from: 0, until: i64::MAX };
        let device = (event.who, event.device);
        Papers {
            account: (!before.is_member(event.who)).then(|| for_ever(format!("account {}", event.who))),
            device: (!before.devices.contains_key(&device)).then(|| for_ever(format!("device {device:?}"))),
            list: None,
            profile: (event.deed == Deed::Profile).then(|| event.id.clone()),
        }
    }

    /// What an account has said of its certificates in these events, whatever became of the commits that said so: the
    /// highest number of a list, and all that any of them revoked.
    pub(super) fn said(&self, who: Person, set: &Set) -> (Option<u64>, BTreeSet<String>) {
        let own = members_of(set).into_iter().filter(|&x| self.events[x].who == who);
        let lists: Vec<&List> = own.filter_map(|x| self.events[x].papers.list.as_ref()).collect();
        let revoked = lists.iter().flat_map(|list| &list.revoked).cloned().collect();
        (lists.iter().map(|list| list.number).max(), revoked)
    }

    /// Whether the papers that an event brings, and those that it is written under, are in order.
    pub(super) fn papers_in_order(&self, event: &Event, before: &State) -> bool {
        let Papers { account, device, list, .. } = &event.papers;
        let past = self.closure(&event.parents);
        if event.nothing_rides() && !event.papers.are_none() {
            return false;
        }
        let (number, revoked) = self.said(event.who, &past);
        let list_grows = list
            .as_ref()
            .is_none_or(|list| number.is_none_or(|number| list.number > number) && revoked.is_subset(&list.revoked));
        let device = device.as_ref().or(before.devices.get(&(event.who, event.device)));
        let account = account.as_ref().or(before.accounts.get(&event.who));
        let (Some(device), Some(account)) = (device, account) else { return false };
        let time = self.attested_time(&past, before);
        let good =
            |certificate: &Certificate| time.is_none_or(|time| certificate.from <= time && time <= certificate.until);
        list_grows && !revoked.contains(&device.serial) && good(device) && good(account)
    }

    /// The latest time that more than half of the admins have reached.
    fn attested_time(&self, past: &Set, state: &State) -> Option<i64> {
        let dates: Vec<i64> = members_of(past).into_iter().map(|x| self.events[x].time).collect();
        let reached = |admin: Person, time: i64| {
            members_of(past).into_iter().any(|x| self.events[x].who == admin && self.events[x].time >= time)
        };
        let attested =
            |time: &i64| 2 * state.admins.iter().filter(|&&admin| reached(admin, *time)).count() > state.admins.len();
        dates.into_iter().filter(attested).max()
    }
}
