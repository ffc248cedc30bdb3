//! When to see who has not heard of the last change: soon after it, as gossip takes milliseconds, and then more and more
//! rarely, with other neighbours each time, as what they were told may have been lost as well.

use std::time::Duration;
use tokio::time::Instant;

/// How long after the change, or after the round before, each round comes. Changes that follow before the first round
/// count with it.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(15), Duration::from_secs(4 * 60), Duration::from_secs(3600)];

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Ripples {
    next: Option<(usize, Instant)>,
}

impl Ripples {
    /// Something has changed.
    pub(super) fn changed(&mut self, now: Instant) {
        if self.next.is_none_or(|(round, _)| round > 0) {
            self.next = Some((0, now + PAUSES[0]));
        }
    }

    /// The next round, and when it comes, if one does.
    pub(super) fn next(&self) -> Option<(usize, Instant)> {
        self.next
    }

    /// A round is over; without anybody who had to be told it was the last.
    pub(super) fn ended(&mut self, anybody: bool, now: Instant) {
        let round = self.next.map_or(0, |(round, _)| round) + 1;
        let pause = PAUSES.get(round).filter(|_| anybody);
        self.next = pause.map(|pause| (round, now + *pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_come_more_and_more_rarely_and_end() {
        let (mut ripples, start) = (Ripples::default(), Instant::now());
        assert_eq!(ripples.next(), None);
        ripples.changed(start);
        for (round, seconds) in [1, 16, 256, 3856].into_iter().enumerate() {
            let now = start + Duration::from_secs(seconds);
            assert_eq!(ripples.next(), Some((round, now)));
            ripples.ended(true, now);
        }
        assert_eq!(ripples.next(), None);
        // A burst of changes waits for one first round; a later change begins anew; when all know, there is no second.
        ripples.changed(start);
        ripples.changed(start + PAUSES[0] / 2);
        assert_eq!(ripples.next(), Some((0, start + PAUSES[0])));
        ripples.ended(true, start);
        ripples.changed(start);
        assert_eq!(ripples.next(), Some((0, start + PAUSES[0])));
        ripples.ended(false, start);
        assert_eq!(ripples.next(), None);
    }
}
