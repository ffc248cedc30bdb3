//! Sets of events, by their number.
//!
//! Events are numbered in the order of their admission, parents first, so the past of an event is nearly always "all that
//! came before, but for a few concurrent ones". The set is therefore a count of leading full words and the rest: in a
//! linear history it takes no memory at all, however long that is.

use std::cmp::Ordering;

/// The number of an event.
pub type EventNumber = usize;

const WORD: usize = u64::BITS as usize;

/// A set of event numbers in its one normal form, so that equal sets compare equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct EventSet {
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
    pub fn contains(&self, event: EventNumber) -> bool {
        self.word(event / WORD) >> (event % WORD) & 1 == 1
    }

    /// Puts an event in.
    pub fn insert(&mut self, event: EventNumber) {
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
    pub fn with(&self, event: EventNumber) -> Self {
        let mut set = self.clone();
        set.insert(event);
        set
    }

    /// The events in either.
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a | b)
    }

    /// The events in both.
    pub fn intersection(&self, other: &Self) -> Self {
        // Unlike a union, this can open a gap in the full words of one of the two; `combine` starts at the smaller count.
        self.combine(other, |a, b| a & b)
    }

    /// The events that are here and not there, in the order of their numbers.
    pub fn difference<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = EventNumber> + 'a {
        let start = self.full.min(other.full);
        (start..self.words()).flat_map(move |index| Bits { index, word: self.word(index) & !other.word(index) })
    }

    /// Whether all events here are there too.
    pub fn is_subset(&self, other: &Self) -> bool {
        let start = self.full.min(other.full);
        (start..self.words()).all(|index| self.word(index) & !other.word(index) == 0)
    }

    /// One more than the highest number in the set; 0 for the empty set.
    pub fn end(&self) -> usize {
        match self.rest.last() {
            Some(word) => self.words() * WORD - word.leading_zeros() as usize,
            None => self.full * WORD,
        }
    }

    /// The first event that is here and not there.
    pub fn first_missing_in(&self, other: &Self) -> Option<EventNumber> {
        self.difference(other).next()
    }

    /// The events with a number below `end`.
    pub fn below(&self, end: EventNumber) -> Self {
        let (words, bits) = (end / WORD, end % WORD);
        if words < self.full {
            let rest = if bits == 0 { Vec::new() } else { vec![(1 << bits) - 1] };
            return Self { full: words, rest };
        }
        let mut rest: Vec<u64> = self.rest.iter().copied().take(words - self.full).collect();
        if bits > 0 && words < self.words() {
            rest.push(self.word(words) & ((1 << bits) - 1));
        }
        let mut set = Self { full: self.full, rest };
        set.normalise();
        set
    }

    /// The events against the order of their numbers, so children come first.
    pub fn iter_rev(&self) -> impl Iterator<Item = EventNumber> + '_ {
        (0..self.words()).rev().flat_map(|index| Bits { index, word: self.word(index) }.rev())
    }
}

/// The events of one word.
struct Bits {
    index: usize,
    word: u64,
}

impl Iterator for Bits {
    type Item = EventNumber;

    fn next(&mut self) -> Option<EventNumber> {
        if self.word == 0 {
            return None;
        }
        let bit = self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some(self.index * WORD + bit)
    }
}

impl DoubleEndedIterator for Bits {
    fn next_back(&mut self) -> Option<EventNumber> {
        if self.word == 0 {
            return None;
        }
        let bit = WORD - 1 - self.word.leading_zeros() as usize;
        self.word &= !(1 << bit);
        Some(self.index * WORD + bit)
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
                assert_eq!(x.difference(&y).collect::<Vec<_>>(), (a - b).into_iter().collect::<Vec<_>>());
                assert_eq!(x.first_missing_in(&y), (a - b).first().copied());
                assert_eq!(x.is_subset(&y), a.is_subset(b));
                assert_eq!(x == y, a == b);
                assert_eq!(x.end(), a.last().map_or(0, |last| last + 1));
            }
            let x = set(a.iter().copied());
            assert!(x.iter_rev().eq(a.iter().rev().copied()));
            for end in [0, 1, 63, 64, 65, 128, 199, 200, 500, 501, 1000] {
                assert_eq!(x.below(end), set(a.range(..end).copied()), "{a:?} below {end}");
            }
        }
    }
}
