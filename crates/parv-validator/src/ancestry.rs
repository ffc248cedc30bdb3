//! Who is an ancestor of whom, quickly, however long the history. The same for every rule set.
//!
//! Histories come together again and again: most commits have nearly everything that was admitted earlier behind them, and
//! a row says up to which position that is all. Only above that a search is needed. There commits are strung on *chains*: each
//! continues the chain of its parent when it is the first to do so, and else begins a new one. On a chain the order of
//! admission decides; between chains the search goes from first commit to first commit. So a question costs as much as there
//! are forks and merges that had not come together, not commits.

use crate::history::History;
use crate::rules::RuleSet;
use crate::settled::Position;
use std::collections::BTreeSet;

impl<R: RuleSet> History<R> {
    /// Whether the commit at `ancestor` is a strict ancestor of the one at `position`.
    pub(crate) fn is_ancestor(&self, ancestor: Position, position: Position) -> bool {
        if ancestor >= position {
            return false;
        }
        let mut chain = None;
        let mut seen = BTreeSet::new();
        let mut open = vec![position];
        while let Some(next) = open.pop() {
            let Some(row) = self.row(next) else { return false };
            if next == ancestor || ancestor < row.complete {
                return true;
            }
            let target = *chain.get_or_insert_with(|| self.row(ancestor).map(|row| row.chain));
            if target == Some(row.chain) {
                return true;
            }
            if seen.insert(row.chain) {
                let first = self.row(row.chain);
                let parents = first.into_iter().flat_map(|first| first.parents.iter());
                open.extend(parents.filter(|parent| *parent >= ancestor));
            }
        }
        false
    }

    /// The latest date of a commit by `account` among the commit at a position and its ancestors.
    pub(crate) fn latest_date(&self, position: Position, account: &R::Account) -> Option<i64> {
        let complete = self.row(position)?.complete;
        let mut latest = self.latest_before(complete, account);
        let mut seen = BTreeSet::new();
        let mut open = vec![position];
        while let Some(next) = open.pop() {
            if next < complete || !seen.insert(next) {
                continue;
            }
            let row = self.row(next)?;
            latest = latest.max(Some(row.date).filter(|_| row.author == *account));
            open.extend(row.parents.iter());
        }
        latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::New;
    use crate::kinds::Editable;
    use crate::settled::Pair;
    use crate::swarm::{Mark, Swarm};
    use parv_model::{CommitId, DeviceId, Uri};

    /// A graph of `size` commits, each with one or two parents chosen by a simple generator.
    fn random(size: u32, mut seed: u64) -> Vec<Vec<u32>> {
        let mut next = |n: u32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u32 % n
        };
        (0..size)
            .map(|i| match i {
                0 => vec![],
                _ => {
                    let parent = i - 1 - next(i.min(4));
                    let other = i - 1 - next(i.min(6));
                    if next(3) == 0 && other != parent { vec![parent, other] } else { vec![parent] }
                }
            })
            .collect()
    }

    fn author(i: u32) -> Uri {
        Uri::from_bytes([(i % 3) as u8; 32])
    }

    fn date(i: u32) -> i64 {
        i64::from(i * 7919 % 101)
    }

    fn push(history: &mut History<Swarm>, parents: &[u32]) {
        let i = history.commits();
        let mut id = [0; 20];
        id[..4].copy_from_slice(&i.to_be_bytes());
        history.push(New {
            id: CommitId::from_bytes(id),
            parents: match *parents {
                [] => Pair::None,
                [parent] => Pair::One(parent),
                [one, other, ..] => Pair::Two(one, other),
            },
            generation: 0,
            time: 0,
            date: date(i),
            author: author(i),
            device: DeviceId::from_bytes([(i % 5) as u8; 32]),
            mark: Mark { leaves: false, editable: Editable::No, reached: None },
            past: 0,
        });
    }

    #[test]
    fn agrees_with_a_plain_search_also_after_taking_back() {
        for seed in 0..20 {
            let graph = random(60, seed);
            let mut history = History::default();
            graph.iter().for_each(|parents| push(&mut history, parents));
            for _ in 30..60 {
                history.pop();
            }
            graph[30..].iter().for_each(|parents| push(&mut history, parents));
            let mut above: Vec<BTreeSet<u32>> = Vec::new();
            for parents in &graph {
                let behind = |&parent: &u32| above[parent as usize].iter().copied().chain([parent]);
                let all = parents.iter().flat_map(behind).collect();
                above.push(all);
            }
            for (i, ancestors) in (0..).zip(&above) {
                for j in 0..60 {
                    assert_eq!(history.is_ancestor(j, i), ancestors.contains(&j), "{seed}: {j} of {i}");
                }
                for who in 0..3 {
                    let own = ancestors.iter().copied().chain([i]).filter(|j| j % 3 == who);
                    assert_eq!(history.latest_date(i, &author(who)), own.map(date).max(), "{seed}: {who} at {i}");
                }
            }
        }
    }

    #[test]
    fn a_line_is_one_chain_that_is_complete_and_its_trail_is_found_in_few_steps() {
        let mut history = History::default();
        push(&mut history, &[]);
        (1..1000).for_each(|i| push(&mut history, &[i - 1]));
        let last = history.row(999).unwrap();
        assert_eq!((last.chain, last.complete), (0, 1000));
        assert!(history.is_ancestor(0, 999) && !history.is_ancestor(999, 0));
        assert!(!history.is_ancestor(5, 5) && !history.is_ancestor(5000, 5));
        // Device 0 with account 0 wrote every fifteenth.
        for end in 1..1000 {
            let asked = std::cell::Cell::new(0);
            let before = |position| {
                asked.set(asked.get() + 1);
                position < end
            };
            let found = history.newest_where(&DeviceId::from_bytes([0; 32]), &author(0), before).unwrap();
            assert_eq!(found.date, date((end - 1) / 15 * 15));
            assert!(asked.get() < 30, "{} of 67", asked.get());
        }
    }
}
