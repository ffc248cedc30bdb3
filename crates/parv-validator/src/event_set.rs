//! Sets of events, by their number.
//!
//! Events are numbered in the order of their admission, parents first, so the past of an event is nearly always "all that
//! came before, but for a few concurrent ones". The set is therefore a count of leading full words and the rest: in a
//! linear history it takes no memory at all, however long that is.

use std::cmp::Ordering;

/// The number of an event.
pub(crate) type EventNumber = usize;

const WORD: usize = u64::BITS as usize;

/// A set of event numbers in its one normal form, so that equal sets compare equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct EventSet {
    /// This many words at the start are all ones.
    full: usize,
    /// The words after them; the first is not all ones, the last is not zero.
    rest: Vec<u64>,
}

impl EventSet {
    fn word(&self, index: usize) -> u64 {
        match index.cmp(&self.full) {
            Ordering::Less => u64::MAX,
            _ => self.rest.get(index - self.full).copied().unwrap_or(0),
        }
    }

    fn words(&self) -> usize {
        self.full + self.rest.len()
    }

    fn combine(&self, other: &Self, op: impl Fn(u64, u64) -> u64) -> Self {
        let full = self.full.min(other.full);
        let words = self.words().max(other.words());
        let mut set = Self { full, rest: (full..words).map(|i| op(self.word(i), other.word(i))).collect() };
        set.normalise();
        set
    }

    fn normalise(&mut self) {
        let ones = self.rest.iter().take_while(|&&word| word == u64::MAX).count();
        self.rest.drain(..ones);
        self.full += ones;
        while self.rest.last() == Some(&0) {
            self.rest.pop();
        }
    }

    /// Whether the event is in the set.
    pub(crate) fn contains(&self, event: EventNumber) -> bool {
        self.word(event / WORD) >> (event % WORD) & 1 == 1
    }

    /// Puts an event in.
    pub(crate) fn insert(&mut self, event: EventNumber) {
        let index = event / WORD;
        if index < self.full {
            return;
        }
        if index >= self.words() {
            self.rest.resize(index - self.full + 1, 0);
        }
        self.rest[index - self.full] |= 1 << (event % WORD);
        self.normalise();
    }

    /// The set with one more event.
    pub(crate) fn with(&self, event: EventNumber) -> Self {
        let mut set = self.clone();
        set.insert(event);
        set
    }

    /// The events in either.
    pub(crate) fn union(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a | b)
    }

    /// The events in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        // Unlike a union, this can open a gap in the full words of one of the two; `combine` starts at the smaller count.
        self.combine(other, |a, b| a & b)
    }

    /// The events that are here and not there.
    pub(crate) fn difference(&self, other: &Self) -> Vec<EventNumber> {
        let start = self.full.min(other.full);
        let mut events = Vec::new();
        for index in start..self.words() {
            let mut word = self.word(index) & !other.word(index);
            while word != 0 {
                events.push(index * WORD + word.trailing_zeros() as usize);
                word &= word - 1;
            }
        }
        events
    }

    /// Whether all events here are there too.
    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        let start = self.full.min(other.full);
        (start..self.words()).all(|index| self.word(index) & !other.word(index) == 0)
    }

    /// One more than the highest number in the set; 0 for the empty set.
    pub(crate) fn end(&self) -> usize {
        match self.rest.last() {
            Some(word) => self.words() * WORD - word.leading_zeros() as usize,
            None => self.full * WORD,
        }
    }

    /// The events in the order of their numbers, so parents come first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = EventNumber> + '_ {
        self.difference(&Self::default()).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn set(events: impl IntoIterator<Item = usize>) -> EventSet {
        let mut set = EventSet::default();
        events.into_iter().for_each(|event| set.insert(event));
        set
    }

    #[test]
    fn a_long_line_takes_no_memory() {
        let line = set(0..64_000);
        assert_eq!((line.full, line.rest.len()), (1000, 0));
        assert!(line.contains(63_999) && !line.contains(64_000));
    }

    #[test]
    fn agrees_with_plain_sets() {
        let samples: Vec<BTreeSet<usize>> = vec![
            BTreeSet::new(),
            (0..64).collect(),
            (0..130).filter(|i| i % 3 != 0).collect(),
            (0..200).collect(),
            (0..200).filter(|&i| i != 70).collect(),
            [500].into(),
        ];
        for a in &samples {
            for b in &samples {
                let (x, y) = (set(a.iter().copied()), set(b.iter().copied()));
                assert_eq!(x.union(&y), set(a | b));
                assert_eq!(x.intersection(&y), set(a & b));
                assert_eq!(x.difference(&y), (a - b).into_iter().collect::<Vec<_>>());
                assert_eq!(x.is_subset(&y), a.is_subset(b));
                assert_eq!(x == y, a == b);
                assert_eq!(x.end(), a.last().map_or(0, |last| last + 1));
            }
            assert_eq!(set(a.iter().copied()).iter().collect::<BTreeSet<_>>(), *a);
        }
    }
}
