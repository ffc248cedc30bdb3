//! With whom to be connected, of all who follow a topic: the nearest few, and one at every distance.
//!
//! Distance is the XOR of device ids, as in Kademlia. A link to somebody in each of the ever smaller parts of the id space
//! keeps any number of devices together in few hops, with links that grow with the logarithm of their number; the
//! nearest few make it hold when many go at once. Ids decide and not topics, so that people who share many conversations
//! share their links too. Links that others make count as well as own ones.
//!
//! Pure book-keeping; `linking` dials whom it is told to.

use crate::limits::{LONGEST_LINK_WAIT, MAX_LINKS, NEAREST_LINKS};
use crate::redial::Backoff;
use crate::topic::Topic;
use parv_model::DeviceId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// Who follows which topic, as far as the node's owner knows; each list is [`by_distance`].
pub(crate) type Followers = BTreeMap<Topic, Arc<[DeviceId]>>;

/// The others among `devices`, the nearest to `own` first.
pub(crate) fn by_distance(own: &DeviceId, devices: impl IntoIterator<Item = DeviceId>) -> Arc<[DeviceId]> {
    let mut others: Vec<_> = devices.into_iter().filter(|device| device != own).collect();
    others.sort_by_cached_key(|device| distance(own, device));
    others.dedup();
    others.into()
}

fn distance(a: &DeviceId, b: &DeviceId) -> [u8; 32] {
    std::array::from_fn(|i| a.as_bytes()[i] ^ b.as_bytes()[i])
}

/// How many leading bits two ids share: the part of the id space in which one lies, seen from the other.
fn shared_bits(a: &DeviceId, b: &DeviceId) -> u32 {
    let distance = distance(a, b);
    let zeros = distance.iter().take_while(|byte| **byte == 0).count();
    8 * zeros as u32 + distance.get(zeros).map_or(0, |byte| byte.leading_zeros())
}

/// What to do about links.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The devices to be linked with, connected or not.
    pub(crate) links: BTreeSet<DeviceId>,
    /// Those to dial now.
    pub(crate) dials: Vec<DeviceId>,
}

/// The devices to be connected with, and when each may be dialled.
pub(crate) struct Links {
    own: DeviceId,
    tries: HashMap<DeviceId, Backoff>,
}

impl Links {
    pub(crate) fn new(own: DeviceId) -> Self {
        Self { own, tries: HashMap::new() }
    }

    /// Chooses, with at most `room` devices to dial; each of these is taken to be dialled until [`Links::ended`]. Topics
    /// with the fewest connected followers come first.
    pub(crate) fn choose(
        &mut self,
        followers: &Followers,
        connected: &BTreeSet<DeviceId>,
        room: usize,
        now: Instant,
    ) -> Choice {
        self.note(followers, connected, now);
        let room = room.min(MAX_LINKS.saturating_sub(connected.len()));
        let mut topics: Vec<_> = followers.values().collect();
        topics.sort_by_cached_key(|devices| devices.iter().filter(|device| connected.contains(device)).count());
        let wanted = topics.into_iter().flat_map(|devices| self.wanted(devices, connected, now));
        let (mut links, mut dials) = (BTreeSet::new(), Vec::new());
        for device in wanted {
            let is_due = self.tries.get(&device).is_none_or(|it| it.due().is_some_and(|due| due <= now));
            if links.insert(device) && !connected.contains(&device) && is_due && dials.len() < room {
                dials.push(device);
            }
        }
        for device in &dials {
            self.tries.entry(*device).or_insert_with(|| Backoff::with_longest(LONGEST_LINK_WAIT, now)).dialling();
        }
        Choice { links, dials }
    }

    /// A dial has ended.
    pub(crate) fn ended(&mut self, device: &DeviceId, connected: bool, now: Instant) {
        if let Some(backoff) = self.tries.get_mut(device) {
            if connected { backoff.connected(now) } else { backoff.failed(now) }
        }
    }

    /// What made dials fail may be over.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.tries.values_mut().for_each(|backoff| backoff.hurry(now));
    }

    /// When somebody may be dialled who may not be now.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        self.tries.values().filter_map(Backoff::due).filter(|due| *due > now).min()
    }

    /// Notes who has come and gone, and forgets who follows nothing any more.
    fn note(&mut self, followers: &Followers, connected: &BTreeSet<DeviceId>, now: Instant) {
        for (device, backoff) in &mut self.tries {
            if connected.contains(device) {
                backoff.connected(now);
            } else if backoff.is_connected() {
                backoff.failed(now);
            }
        }
        if self.tries.len() > 2 * MAX_LINKS {
            let all: BTreeSet<_> = followers.values().flat_map(|devices| devices.iter()).collect();
            self.tries.retain(|device, _| all.contains(device));
        }
    }

    /// Of one topic's followers those to be connected with. Somebody who cannot be reached now leaves the place to
    /// the next; somebody who is connected is preferred to somebody nearer who is not.
    fn wanted(&self, devices: &[DeviceId], connected: &BTreeSet<DeviceId>, now: Instant) -> Vec<DeviceId> {
        let waits = |device: &DeviceId| {
            !connected.contains(device) && self.tries.get(device).and_then(Backoff::due).is_some_and(|due| due > now)
        };
        let (mut wanted, mut parts) = (Vec::new(), BTreeMap::<_, &DeviceId>::new());
        for device in devices.iter().filter(|device| !waits(device)) {
            let part = Reverse(shared_bits(&self.own, device));
            if wanted.len() < NEAREST_LINKS {
                wanted.push(*device);
                parts.insert(part, device);
                continue;
            }
            let there = parts.entry(part).or_insert(device);
            if !connected.contains(there) && !wanted.contains(there) && connected.contains(device) {
                *there = device;
            }
        }
        wanted.extend(parts.into_values().filter(|device| !wanted.contains(device)).copied().collect::<Vec<_>>());
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parv_model::{CommitId, ConversationId};
    use std::time::Duration;

    /// Ids like those of real devices: uniformly distributed.
    fn device(number: u32) -> DeviceId {
        DeviceId::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes())
    }

    fn group(own: &DeviceId, number: u8, devices: impl IntoIterator<Item = DeviceId>) -> Followers {
        let topic = Topic::of(&ConversationId::new(CommitId::from_bytes([number; 20])));
        [(topic, by_distance(own, devices))].into()
    }

    impl Links {
        fn dials(&mut self, all: &Followers, there: &BTreeSet<DeviceId>, room: usize, now: Instant) -> Vec<DeviceId> {
            self.choose(all, there, room, now).dials
        }
    }

    #[test]
    fn links_are_few_near_and_at_every_distance() {
        let own = device(0);
        for size in [5, 50, 500, 5000] {
            let mut links = Links::new(own);
            let followers = group(&own, 1, (0..size).map(device));
            let sorted = followers.values().next().unwrap().clone();
            let dials = links.dials(&followers, &BTreeSet::new(), usize::MAX, Instant::now());
            assert_eq!(dials[..NEAREST_LINKS], sorted[..NEAREST_LINKS]);
            let parts = |devices: &[DeviceId]| devices.iter().map(|it| shared_bits(&own, it)).collect::<BTreeSet<_>>();
            assert_eq!(parts(&dials), parts(&sorted), "{size}");
            assert!(dials.len() <= NEAREST_LINKS + size.ilog2() as usize + 3, "{size}: {}", dials.len());
            assert!(!dials.contains(&own));
            // They are being dialled now.
            assert_eq!(links.dials(&followers, &BTreeSet::new(), usize::MAX, Instant::now()), []);
        }
    }

    #[test]
    fn who_is_connected_already_serves() {
        let own = device(0);
        let followers = group(&own, 1, (0..500).map(device));
        let far = (1..500).map(device).rfind(|device| shared_bits(&own, device) == 0).unwrap();
        let dials = Links::new(own).dials(&followers, &[far].into(), usize::MAX, Instant::now());
        assert!(dials.iter().all(|device| shared_bits(&own, device) > 0));
    }

    #[test]
    fn the_next_takes_the_place_of_who_cannot_be_reached_and_waits_grow() {
        let (own, start) = (device(0), Instant::now());
        let mut links = Links::new(own);
        let followers = group(&own, 1, (0..8).map(device));
        let mut tried = BTreeSet::new();
        let none = BTreeSet::new();
        // Nobody can be reached: everybody is tried once, then all wait.
        loop {
            let dials = links.dials(&followers, &none, 2, start);
            if dials.is_empty() {
                break;
            }
            assert!(dials.len() <= 2);
            for device in dials {
                assert!(tried.insert(device), "tried twice");
                links.ended(&device, false, start);
            }
        }
        assert_eq!(tried.len(), 7);
        let due = links.due(start).unwrap();
        assert!(due > start);
        // A day of trying costs at most some hundred dials each.
        let (mut now, mut dials) = (due, 0);
        while now < start + Duration::from_secs(24 * 3600) {
            for device in links.dials(&followers, &none, usize::MAX, now) {
                links.ended(&device, false, now);
                dials += 1;
            }
            now = links.due(now).unwrap();
        }
        assert!((7 * 80..=7 * 110).contains(&dials), "{dials}");
        links.hurry(now);
        assert!(!links.dials(&followers, &none, usize::MAX, now).is_empty());
    }

    #[test]
    fn who_comes_and_goes_at_once_is_not_dialled_in_a_circle() {
        let (own, other, now) = (device(0), device(1), Instant::now());
        let mut links = Links::new(own);
        let followers = group(&own, 1, [other]);
        assert_eq!(links.dials(&followers, &BTreeSet::new(), 9, now), [other]);
        links.ended(&other, true, now);
        assert_eq!(links.dials(&followers, &[other].into(), 9, now), []);
        assert_eq!(links.dials(&followers, &BTreeSet::new(), 9, now), []);
        assert_eq!(links.dials(&followers, &BTreeSet::new(), 9, links.due(now).unwrap()), [other]);
    }

    #[test]
    fn the_loneliest_topic_comes_first_and_all_links_together_are_bounded() {
        let (own, now) = (device(0), Instant::now());
        let mut followers = group(&own, 1, (1..100).map(device));
        followers.extend(group(&own, 2, [device(200)]));
        let connected: BTreeSet<_> = (1..5).map(device).collect();
        assert_eq!(Links::new(own).dials(&followers, &connected, 1, now), [device(200)]);
        let strangers: BTreeSet<_> = (1000..).map(device).take(MAX_LINKS).collect();
        assert_eq!(Links::new(own).dials(&followers, &strangers, 9, now), []);
    }
}
