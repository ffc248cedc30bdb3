//! How much each neighbour and each author may announce, and who has gone too far.
//!
//! An announcement costs its check of a signature, an event for the owner, and a transmission to each neighbour. So
//! what one author announces beyond any honest use is not passed on, and a neighbour that goes on passing on too much, or
//! what is rejected, is banished for a while.

use libp2p::PeerId;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// One author's announcements: a thousand messages sent one by one in a row are some hundred a second.
const OF_AUTHOR: Rate = Rate { every: Duration::from_millis(8), at_once: 512 };

/// What one neighbour passes on: that of many authors.
const OF_NEIGHBOUR: Rate = Rate { every: Duration::from_millis(1), at_once: 4096 };

/// What one neighbour passes on that is more than its rate, before it is banished.
const EXCESS: Rate = Rate { every: Duration::from_secs(1), at_once: 1024 };

/// What one neighbour passes on that is rejected, before it is banished; with two more, gossip would not listen to it.
const REJECTED: Rate = Rate { every: Duration::from_secs(60), at_once: 7 };

/// For how long somebody is banished.
const BANISHMENT: Duration = Duration::from_secs(10 * 60);

/// From how many on those who have been quiet are forgotten.
const MANY: usize = 4096;

/// One every so often, and so many at once.
#[derive(Clone, Copy)]
struct Rate {
    every: Duration,
    at_once: u32,
}

/// Meters a rate: until when what was taken has been paid for.
struct Meter(Instant);

impl Meter {
    /// Takes one; false if that is beyond the rate.
    fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let paid = self.0.max(now) + rate.every;
        let within = paid - now <= rate.every * rate.at_once;
        if within {
            self.0 = paid;
        }
        within
    }
}

/// What is remembered of a neighbour's conduct, also when it comes back.
struct Neighbour {
    passed_on: Meter,
    excess: Meter,
    rejected: Meter,
}

impl Neighbour {
    fn new(now: Instant) -> Self {
        Self { passed_on: Meter(now), excess: Meter(now), rejected: Meter(now) }
    }
}

/// What to do about an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is within the limits.
    Fine,
    /// It is one too many: drop it.
    TooMany,
    /// Who passed it on has gone too far: drop it, and the neighbour.
    TooFar,
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Conduct {
    authors: HashMap<PeerId, Meter>,
    neighbours: HashMap<PeerId, Neighbour>,
    /// Until when, the earliest first.
    banished: VecDeque<(Instant, PeerId)>,
}

impl Conduct {
    /// A neighbour passes on what an author has announced.
    pub(super) fn announced(&mut self, author: PeerId, relay: PeerId, now: Instant) -> Verdict {
        let neighbour = self.neighbour(relay, now);
        if !neighbour.passed_on.take(OF_NEIGHBOUR, now) {
            return if neighbour.excess.take(EXCESS, now) { Verdict::TooMany } else { Verdict::TooFar };
        }
        if self.authors.len() >= MANY {
            self.authors.retain(|_, meter| meter.0 > now);
        }
        let within = self.authors.entry(author).or_insert(Meter(now)).take(OF_AUTHOR, now);
        if within { Verdict::Fine } else { Verdict::TooMany }
    }

    /// The owner rejects what a neighbour passed on.
    pub(super) fn rejected(&mut self, relay: PeerId, now: Instant) -> Verdict {
        let within = self.neighbour(relay, now).rejected.take(REJECTED, now);
        if within { Verdict::Fine } else { Verdict::TooFar }
    }

    /// A neighbour is banished; false if it was already.
    pub(super) fn banish(&mut self, peer: PeerId, now: Instant) -> bool {
        let is_new = self.banished.iter().all(|(_, other)| *other != peer);
        if is_new {
            self.banished.push_back((now + BANISHMENT, peer));
        }
        is_new
    }

    /// When the next banishment ends.
    pub(super) fn due(&self) -> Option<Instant> {
        self.banished.front().map(|(until, _)| *until)
    }

    /// The next whose banishment has ended; it begins with a clean sheet.
    pub(super) fn pardon(&mut self, now: Instant) -> Option<PeerId> {
        let (_, peer) = *self.banished.front().filter(|(until, _)| *until <= now)?;
        self.banished.pop_front();
        self.neighbours.remove(&peer);
        Some(peer)
    }

    fn neighbour(&mut self, peer: PeerId, now: Instant) -> &mut Neighbour {
        if self.neighbours.len() >= MANY {
            self.neighbours.retain(|_, it| [&it.passed_on, &it.excess, &it.rejected].iter().any(|meter| meter.0 > now));
        }
        self.neighbours.entry(peer).or_insert_with(|| Neighbour::new(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_may_announce_so_much_and_again_later() {
        let (mut conduct, now) = (Conduct::default(), Instant::now());
        let (author, other, relay) = (PeerId::random(), PeerId::random(), PeerId::random());
        for _ in 0..OF_AUTHOR.at_once {
            assert_eq!(conduct.announced(author, relay, now), Verdict::Fine);
        }
        assert_eq!(conduct.announced(author, relay, now), Verdict::TooMany);
        assert_eq!(conduct.announced(other, relay, now), Verdict::Fine);
        let later = now + OF_AUTHOR.every;
        assert_eq!(conduct.announced(author, relay, later), Verdict::Fine);
        assert_eq!(conduct.announced(author, relay, later), Verdict::TooMany);
    }

    #[test]
    fn a_neighbour_that_floods_with_ever_new_names_is_banished_and_pardoned() {
        let (mut conduct, now) = (Conduct::default(), Instant::now());
        let relay = PeerId::random();
        let mut verdicts = (0..20_000).map(|_| conduct.announced(PeerId::random(), relay, now));
        assert!(verdicts.by_ref().take(OF_NEIGHBOUR.at_once as usize).all(|verdict| verdict == Verdict::Fine));
        assert!(verdicts.by_ref().take(EXCESS.at_once as usize).all(|verdict| verdict == Verdict::TooMany));
        assert!(verdicts.all(|verdict| verdict == Verdict::TooFar));
        assert!(conduct.banish(relay, now) && !conduct.banish(relay, now));
        assert_eq!(conduct.due(), Some(now + BANISHMENT));
        assert_eq!(conduct.pardon(now), None);
        assert_eq!(conduct.pardon(now + BANISHMENT), Some(relay));
        assert_eq!(conduct.due(), None);
        assert_eq!(conduct.announced(relay, relay, now), Verdict::Fine);
    }

    #[test]
    fn rejections_add_up_and_fade() {
        let (mut conduct, now) = (Conduct::default(), Instant::now());
        let relay = PeerId::random();
        for _ in 0..REJECTED.at_once {
            assert_eq!(conduct.rejected(relay, now), Verdict::Fine);
        }
        assert_eq!(conduct.rejected(relay, now), Verdict::TooFar);
        assert_eq!(conduct.rejected(relay, now + REJECTED.every), Verdict::Fine);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut conduct, start) = (Conduct::default(), Instant::now());
        for number in 0..3 * MANY {
            conduct.announced(PeerId::random(), PeerId::random(), start + OF_AUTHOR.every * number as u32);
        }
        assert!(conduct.authors.len() <= MANY && conduct.neighbours.len() <= MANY);
    }
}
