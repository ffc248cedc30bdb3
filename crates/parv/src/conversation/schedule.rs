//! Which device is asked when: one fetch per device at a time, and what is heard meanwhile is one more fetch after it
//! (acceptance 38). What several devices have is fetched from one of them; the others are asked when that fails, or when
//! it takes so long that it may have stalled.
//!
//! Pure book-keeping; the actor starts what it is told to.

use parv_model::{CommitId, DeviceId};
use parv_net::AnnouncementHandle;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// How long a fetch has before another device is asked for the same; twice as long for each that was asked. A message
/// takes milliseconds, thousands a second.
const HEAD_START: Duration = Duration::from_secs(3);

/// How many refused heads are remembered, so that they are not fetched again and again.
const MAX_REFUSED: usize = 256;

/// How many announcements wait for one fetch; the judgement of more is left open, which drops them.
const MAX_WAITING: usize = 64;

/// How many commits one fetch is asked for by name. Beyond that it is made anyway, and what comes of it is seen.
const MAX_COMMITS: usize = 256;

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
    /// How many devices are being asked for the same.
    pub(super) asked: u32,
}

impl Errand {
    fn join(&mut self, other: Errand) {
        let room = MAX_COMMITS.saturating_sub(self.commits.len());
        self.unread |= other.commits.len() > room;
        self.commits.extend(other.commits.into_iter().take(room));
        self.announcements.extend(other.announcements);
        self.announcements.truncate(MAX_WAITING);
        let others = other.others.into_iter().filter(|device| !self.others.contains(device));
        self.others.extend(others.collect::<Vec<_>>());
        self.unread |= other.unread;
        self.direct |= other.direct;
    }

    /// The same errand for the next who may help.
    fn hand_over(&mut self) -> Option<(DeviceId, Self)> {
        let device = self.others.pop_front()?;
        let errand = Self {
            commits: self.commits.clone(),
            unread: false,
            announcements: std::mem::take(&mut self.announcements),
            others: std::mem::take(&mut self.others),
            direct: self.direct,
            asked: self.asked + 1,
        };
        Some((device, errand))
    }
}

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    running: HashMap<DeviceId, Running>,
    refused: HashSet<(DeviceId, CommitId)>,
    refused_order: VecDeque<(DeviceId, CommitId)>,
}

#[derive(Debug)]
struct Running {
    now: Errand,
    since: Instant,
    next: Option<Errand>,
}

impl Running {
    /// When others are to be asked for the same; never, if there are none.
    fn impatient(&self) -> Option<Instant> {
        let mut errands = std::iter::once(&self.now).chain(&self.next);
        errands
            .any(|errand| !errand.others.is_empty())
            .then(|| self.since + HEAD_START * 2_u32.saturating_pow(self.now.asked))
    }

    fn errands(&mut self) -> impl Iterator<Item = &mut Errand> {
        std::iter::once(&mut self.now).chain(&mut self.next)
    }
}

impl Schedule {
    /// Asks a device, now or when the fetch from it that is under way has ended. True if it is to be started now.
    pub(super) fn ask(&mut self, device: DeviceId, errand: Errand, now: Instant) -> bool {
        match self.running.get_mut(&device) {
            Some(running) => {
                match &mut running.next {
                    Some(next) => next.join(errand),
                    None => running.next = Some(errand),
                }
                false
            }
            None => {
                self.running.insert(device, Running { now: errand, since: now, next: None });
                true
            }
        }
    }

    /// Leaves an errand to a fetch of the same commits from another device that is under way, or comes next. If there is
    /// none, gives it back.
    pub(super) fn share(&mut self, device: DeviceId, mut errand: Errand) -> Option<Errand> {
        let same = |other: &Errand| !errand.commits.is_empty() && other.commits.is_superset(&errand.commits);
        let others = self.running.iter_mut().filter(|(other, _)| **other != device);
        let mut errands = others.flat_map(|(other, running)| running.errands().map(move |errand| (other, errand)));
        let Some((other, found)) = errands.find(|(_, found)| same(found)) else { return Some(errand) };
        errand.others.push_front(device);
        errand.others.retain(|device| device != other);
        found.join(errand);
        None
    }

    /// When [`Self::overdue`] has something to say.
    pub(super) fn impatient(&self) -> Option<Instant> {
        self.running.values().filter_map(Running::impatient).min()
    }

    /// The fetches that have had their head start: whom else to ask for the same.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<(DeviceId, Errand)> {
        let overdue = self.running.values_mut().filter(|running| running.impatient().is_some_and(|time| time <= now));
        overdue.flat_map(Running::errands).filter_map(Errand::hand_over).collect()
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
        let now = Instant::now();
        assert!(schedule.ask(device(1), errand(1, false), now));
        assert!(schedule.ask(device(2), errand(1, false), now));
        assert!(!schedule.ask(device(1), errand(2, false), now));
        assert!(!schedule.ask(device(1), errand(3, true), now));
        let (done, next) = schedule.ended(&device(1));
        assert_eq!(done.commits, errand(1, false).commits);
        let next = next.unwrap();
        assert_eq!(next.commits.len(), 2);
        assert!(next.direct && !done.direct);
        assert!(schedule.ask(device(1), next, now));
        assert!(schedule.ended(&device(2)).1.is_none());
    }

    #[test]
    fn what_several_have_is_fetched_from_one_and_from_the_next_if_that_is_slow() {
        let mut schedule = Schedule::default();
        let start = Instant::now();
        assert!(schedule.ask(device(1), errand(1, false), start));
        assert!(schedule.share(device(1), errand(1, false)).is_some(), "the same device has something newer");
        assert!(schedule.share(device(2), errand(2, false)).is_some());
        assert!(schedule.share(device(2), Errand::default()).is_some(), "nobody knows what it is about");
        assert!(!schedule.ask(device(1), errand(4, false), start));
        assert!(schedule.share(device(4), errand(4, false)).is_none(), "what comes next counts too");
        let [fourth] = schedule.overdue(start + HEAD_START).try_into().unwrap();
        assert_eq!((fourth.0, fourth.1.commits), (device(4), errand(4, false).commits));
        assert_eq!(schedule.impatient(), None);
        for number in [2, 3, 2] {
            assert!(schedule.share(device(number), errand(1, true)).is_none());
        }
        let due = schedule.impatient().unwrap();
        assert_eq!((due, schedule.overdue(start).len()), (start + HEAD_START, 0));
        let [(second, errand_of_second)] = schedule.overdue(due).try_into().unwrap();
        assert_eq!((second, schedule.impatient()), (device(2), None));
        assert!(schedule.ask(second, errand_of_second, due));
        assert_eq!(schedule.impatient(), Some(due + HEAD_START * 2));
        // The one that was slow fails, and the second has somebody to ask after it.
        let (first, _) = schedule.ended(&device(1));
        assert!(first.others.is_empty() && first.direct);
        assert_eq!(schedule.ended(&device(2)).0.others, [device(3)]);
    }

    #[test]
    fn a_flood_of_notices_is_one_fetch_of_bounded_size() {
        let (mut schedule, start) = (Schedule::default(), Instant::now());
        assert!(schedule.ask(device(1), errand(0, false), start));
        for number in 0..10_000u32 {
            let commit = CommitId::from_bytes(std::array::from_fn(|i| number.to_le_bytes()[i % 4]));
            let flood = Errand { commits: [commit].into(), others: [device(2)].into(), ..Errand::default() };
            assert!(!schedule.ask(device(1), flood, start));
        }
        let next = schedule.ended(&device(1)).1.unwrap();
        assert!(next.unread);
        assert_eq!((next.commits.len(), next.others.len()), (MAX_COMMITS, 1));
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
