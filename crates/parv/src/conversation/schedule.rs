//! Which device is asked when: one fetch per device at a time, and what is heard meanwhile is one more fetch after it
//! (acceptance 38).
//!
//! Pure book-keeping; the actor starts what it is told to.

use parv_model::{CommitId, DeviceId};
use parv_net::AnnouncementHandle;
use std::collections::{HashMap, HashSet, VecDeque};

/// How many refused heads are remembered, so that they are not fetched again and again.
const MAX_REFUSED: usize = 256;

/// How many announcements wait for one fetch; the judgement of more is left open, which drops them.
const MAX_WAITING: usize = 64;

/// Why a device is asked.
#[derive(Debug, Default)]
pub(super) struct Errand {
    /// The commits that it said it has.
    pub(super) commits: HashSet<CommitId>,
    /// Whether it said something that could not be read, so that only a fetch can tell.
    pub(super) unread: bool,
    /// The announcements to judge afterwards.
    pub(super) announcements: Vec<(AnnouncementHandle, Option<CommitId>)>,
    /// Whom else to ask if it does not help.
    pub(super) others: VecDeque<DeviceId>,
    /// Whether the device told this one alone, so that others may not have heard.
    pub(super) direct: bool,
}

impl Errand {
    fn join(&mut self, other: Errand) {
        self.commits.extend(other.commits);
        self.announcements.extend(other.announcements);
        self.announcements.truncate(MAX_WAITING);
        let others = other.others.into_iter().filter(|device| !self.others.contains(device));
        self.others.extend(others.collect::<Vec<_>>());
        self.unread |= other.unread;
        self.direct |= other.direct;
    }
}

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    running: HashMap<DeviceId, Running>,
    refused: HashSet<(DeviceId, CommitId)>,
    refused_order: VecDeque<(DeviceId, CommitId)>,
}

#[derive(Debug, Default)]
struct Running {
    now: Errand,
    next: Option<Errand>,
}

impl Schedule {
    /// Asks a device, now or when the fetch from it that is under way has ended. True if it is to be started now.
    pub(super) fn ask(&mut self, device: DeviceId, errand: Errand) -> bool {
        match self.running.get_mut(&device) {
            Some(running) => {
                match &mut running.next {
                    Some(next) => next.join(errand),
                    None => running.next = Some(errand),
                }
                false
            }
            None => {
                self.running.insert(device, Running { now: errand, next: None });
                true
            }
        }
    }

    /// A fetch has ended: why it was made, and what was heard meanwhile.
    pub(super) fn ended(&mut self, device: &DeviceId) -> (Errand, Option<Errand>) {
        self.running.remove(device).map_or_else(Default::default, |running| (running.now, running.next))
    }

    /// Notes that a device offers heads that were refused.
    pub(super) fn refuse(&mut self, device: DeviceId, heads: impl IntoIterator<Item = CommitId>) {
        for head in heads {
            if self.refused.insert((device, head)) {
                self.refused_order.push_back((device, head));
            }
        }
        while self.refused_order.len() > MAX_REFUSED {
            if let Some(oldest) = self.refused_order.pop_front() {
                self.refused.remove(&oldest);
            }
        }
    }

    /// Whether the device offered this head before and it was refused.
    pub(super) fn is_refused(&self, device: &DeviceId, head: &CommitId) -> bool {
        self.refused.contains(&(*device, *head))
    }

    /// What was refused may be good now: the state has changed.
    pub(super) fn forgive(&mut self) {
        self.refused.clear();
        self.refused_order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: u8) -> DeviceId {
        DeviceId::from_bytes([number; 32])
    }

    fn errand(commit: u8, direct: bool) -> Errand {
        Errand { commits: [CommitId::from_bytes([commit; 20])].into(), direct, ..Errand::default() }
    }

    #[test]
    fn one_fetch_per_device_and_later_notices_are_one_more() {
        let mut schedule = Schedule::default();
        assert!(schedule.ask(device(1), errand(1, false)));
        assert!(schedule.ask(device(2), errand(1, false)));
        assert!(!schedule.ask(device(1), errand(2, false)));
        assert!(!schedule.ask(device(1), errand(3, true)));
        let (now, next) = schedule.ended(&device(1));
        assert_eq!(now.commits, errand(1, false).commits);
        let next = next.unwrap();
        assert_eq!(next.commits.len(), 2);
        assert!(next.direct && !now.direct);
        assert!(schedule.ask(device(1), next));
        assert!(schedule.ended(&device(2)).1.is_none());
    }

    #[test]
    fn refusals_are_remembered_but_not_for_ever() {
        let mut schedule = Schedule::default();
        let head = |number: usize| CommitId::from_bytes(std::array::from_fn(|i| number.to_le_bytes()[i % 8]));
        schedule.refuse(device(1), [head(0)]);
        assert!(schedule.is_refused(&device(1), &head(0)));
        assert!(!schedule.is_refused(&device(2), &head(0)));
        schedule.refuse(device(1), (1..=MAX_REFUSED).map(head));
        assert!(!schedule.is_refused(&device(1), &head(0)));
        assert!(schedule.is_refused(&device(1), &head(1)));
        schedule.forgive();
        assert!(!schedule.is_refused(&device(1), &head(1)));
    }
}
