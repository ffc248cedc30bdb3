//! Who misses what was said, and to whom of them this device leaves word.
//!
//! A device links with those nearest to it (decision 0028). So who is nearest to another one, of all who are here, sees
//! whether it is here too, and leaves word if it is not; nobody else needs to know. Others hear of it by gossip. Whoever is
//! heard announcing something is here as well, over however many links.

use parv_model::{CommitId, ConversationId, DeviceId};
use parv_net::Purpose;
use parv_push::responsible;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How many devices are left word of news at once; invitations come first.
pub(super) const MAX_WAKE_UPS: usize = 64;

/// Of how many conversations one device is left word.
const MAX_NEWS: usize = 32;

/// For how long somebody who was heard and is not connected is taken to be here. Who is nearest to them sees them go.
const HEARD_LATELY: Duration = Duration::from_secs(10 * 60);

/// From how many on those who have been quiet are forgotten.
const MANY: usize = 4096;

/// A conversation has something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct News {
    pub(super) id: ConversationId,
    /// A commit that the recipient is not known to have.
    pub(super) commit: CommitId,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Absent {
    missed: BTreeMap<DeviceId, Missed>,
    heard: BTreeMap<DeviceId, Instant>,
}

/// What a device that is not here misses.
#[derive(Debug)]
struct Missed {
    since: Instant,
    news: BTreeMap<ConversationId, CommitId>,
}

impl Absent {
    /// A device is here. True if it was left word, or was about to be.
    pub(super) fn is_here(&mut self, device: &DeviceId) -> bool {
        self.missed.remove(device).is_some()
    }

    /// A device was heard announcing something, by whomever that came. True as above.
    pub(super) fn heard(&mut self, device: DeviceId, now: Instant) -> bool {
        if self.heard.len() >= MANY {
            self.heard.retain(|_, at| *at + HEARD_LATELY > now);
        }
        if self.heard.len() < MANY {
            self.heard.insert(device, now);
        }
        self.is_here(&device)
    }

    /// A device is not connected any more: what was heard of it before says nothing now.
    pub(super) fn gone(&mut self, device: &DeviceId) {
        self.heard.remove(device);
    }

    /// A conversation of these devices has something new; some of them are connected. Notes for which of the others it falls
    /// to this one to leave word. What one is left word of already stays as it is, so that a burst of messages makes one letter.
    pub(super) fn note(
        &mut self,
        own: &DeviceId,
        devices: impl IntoIterator<Item = DeviceId>,
        is_connected: impl Fn(&DeviceId) -> bool,
        news: News,
        now: Instant,
    ) {
        let lately = |at: &Instant| *at + HEARD_LATELY > now;
        let is_here = |device: &DeviceId| is_connected(device) || self.heard.get(device).is_some_and(lately);
        let (here, absent): (Vec<_>, Vec<_>) =
            devices.into_iter().filter(|device| device != own).partition(|device| is_here(device));
        let nearest = |absent: &DeviceId| responsible(absent, here.iter().chain([own]).copied()).first;
        for device in absent.into_iter().filter(|absent| nearest(absent) == Some(*own)) {
            if self.missed.len() >= MAX_WAKE_UPS && !self.missed.contains_key(&device) {
                continue;
            }
            let missed = self.missed.entry(device).or_insert_with(|| Missed { since: now, news: BTreeMap::new() });
            if missed.news.len() < MAX_NEWS {
                missed.news.entry(news.id).or_insert(news.commit);
            }
        }
    }

    /// Who is to be left word now, and of what. Who was away for longer than that lasts asks the others anyway.
    pub(super) fn words(&mut self, now: Instant) -> impl Iterator<Item = (DeviceId, Vec<News>)> {
        self.missed.retain(|_, missed| missed.since + Purpose::WakeUp.lifetime() > now);
        self.missed.iter().map(|(device, missed)| {
            let news = missed.news.iter().map(|(id, commit)| News { id: *id, commit: *commit });
            (*device, news.collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Ids like those of real devices: uniformly distributed.
    fn device(number: usize) -> DeviceId {
        DeviceId::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes())
    }

    fn news(number: u8) -> News {
        let commit = CommitId::from_bytes([number; 20]);
        News { id: ConversationId::new(commit), commit }
    }

    fn distance(a: &DeviceId, b: &DeviceId) -> [u8; 32] {
        std::array::from_fn(|at| a.as_bytes()[at] ^ b.as_bytes()[at])
    }

    /// The links of a device among those who are here: the nearest three, and one at every distance.
    fn links(own: DeviceId, here: &[DeviceId]) -> BTreeSet<DeviceId> {
        let mut others: Vec<_> = here.iter().copied().filter(|device| *device != own).collect();
        others.sort_by_key(|other| distance(&own, other));
        let mut links: BTreeSet<_> = others.iter().take(3).copied().collect();
        let shared = |other: &DeviceId| {
            let distance = distance(&own, other);
            let zeros = distance.iter().take_while(|byte| **byte == 0).count();
            zeros as u32 * 8 + distance.get(zeros).map_or(0, |byte| byte.leading_zeros())
        };
        let parts: BTreeSet<_> = others.iter().map(shared).collect();
        links.extend(parts.iter().filter_map(|part| others.iter().find(|other| shared(other) == *part)));
        links
    }

    #[test]
    fn of_two_hundred_with_few_links_each_who_is_away_is_left_one_word_and_who_is_here_none() {
        let all: Vec<_> = (0..200).map(device).collect();
        let (here, away) = all.split_at(170);
        let own_links: Vec<_> = here.iter().map(|own| links(*own, here)).collect();
        let is_linked = |at: usize, other: &DeviceId| {
            let back = here
                .iter()
                .position(|device| device == other)
                .is_some_and(|there| own_links[there].contains(&here[at]));
            own_links[at].contains(other) || back
        };
        let mut words = Vec::new();
        for (at, own) in here.iter().enumerate() {
            let mut absent = Absent::default();
            absent.note(own, all.iter().copied(), |other| is_linked(at, other), news(1), Instant::now());
            words.extend(absent.words(Instant::now()).map(|(device, _)| device));
        }
        words.sort();
        let mut away = away.to_vec();
        away.sort();
        assert_eq!(words, away);
    }

    #[test]
    fn who_is_heard_is_here_for_a_while_and_takes_no_word() {
        let (own, other, start) = (device(1), device(2), Instant::now());
        let mut absent = Absent::default();
        absent.note(&own, [other], |_| false, news(1), start);
        assert_eq!(absent.words(start).collect::<Vec<_>>(), [(other, vec![news(1)])]);
        assert!(absent.heard(other, start) && !absent.heard(other, start));
        absent.note(&own, [other], |_| false, news(2), start + HEARD_LATELY / 2);
        assert_eq!(absent.words(start).count(), 0);
        absent.note(&own, [other], |_| false, news(3), start + HEARD_LATELY);
        assert_eq!(absent.words(start).count(), 1);
        absent.heard(other, start);
        absent.gone(&other);
        absent.note(&own, [other], |_| false, news(4), start);
        assert_eq!(absent.words(start).count(), 1);
    }

    #[test]
    fn a_burst_is_one_word_and_words_are_few_and_end() {
        let (own, start) = (device(0), Instant::now());
        let mut absent = Absent::default();
        for number in 0..2 * MAX_NEWS {
            absent.note(&own, [device(1)], |_| false, news(number as u8), start);
            absent.note(&own, [device(1)], |_| false, news(number as u8), start);
        }
        let words: Vec<_> = absent.words(start).collect();
        assert_eq!((words.len(), words[0].1.len()), (1, MAX_NEWS));
        absent.note(&own, (1..1000).map(device), |_| false, news(1), start);
        assert_eq!(absent.words(start).count(), MAX_WAKE_UPS);
        assert_eq!(absent.words(start + Purpose::WakeUp.lifetime()).count(), 0);
        for number in 0..3 * MANY {
            absent.heard(device(number), start + HEARD_LATELY / 4 * number as u32);
        }
        assert!(absent.heard.len() <= MANY);
    }
}
