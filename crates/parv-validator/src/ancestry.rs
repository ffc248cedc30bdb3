//! Who is an ancestor of whom, quickly, however long the history. The same for every rule set.
//!
//! Commits are strung on *chains*: each continues the chain of its parent when it is the first to do so, and else begins a
//! new one. On a chain the longer way to the beginning decides; between chains a search goes from first commit to first
//! commit. So a question costs as much as there are forks and merges between two commits, not commits. A chain also knows
//! the dates of its commits by author, and the latest ones of everybody before it.

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use parv_model::CommitId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where a commit stands.
#[derive(Debug, Clone)]
struct Place {
    parents: Vec<CommitId>,
    generation: u64,
    chain: usize,
}

#[derive(Debug, Clone)]
struct Chain<A: Ord> {
    first: CommitId,
    last: CommitId,
    /// The latest date of every account before the chain.
    dates_before: OrdMap<A, i64>,
    /// For the authors on the chain, in order: generation of a commit, and the latest date up to there.
    dates: BTreeMap<A, Vec<(u64, i64)>>,
}

/// The graph of all admitted commits.
#[derive(Debug, Clone)]
pub(crate) struct Ancestry<A: Ord> {
    /// Only ever looked up, never walked through: the order of a hash map means nothing.
    places: HashMap<CommitId, Place>,
    chains: Vec<Chain<A>>,
}

impl<A: Ord> Default for Ancestry<A> {
    fn default() -> Self {
        Self { places: HashMap::new(), chains: Vec::new() }
    }
}

impl<A: Ord + Copy> Ancestry<A> {
    /// Takes in a commit by `author`, dated `time`, whose parents are known.
    pub(crate) fn add(&mut self, commit: CommitId, parents: &[CommitId], author: A, time: i64) {
        let known = |parent: &CommitId| self.places.get(parent);
        let generation = parents.iter().filter_map(known).map(|place| place.generation + 1).max().unwrap_or(0);
        let continued = match parents {
            [parent] => known(parent).map(|place| place.chain).filter(|&chain| self.chains[chain].last == *parent),
            _ => None,
        };
        let chain = match continued {
            Some(chain) => {
                self.chains[chain].last = commit;
                chain
            }
            None => {
                let dates_before = self.dates_of_all(parents);
                self.chains.push(Chain { first: commit, last: commit, dates_before, dates: BTreeMap::new() });
                self.chains.len() - 1
            }
        };
        let dates = self.chains[chain].dates.entry(author).or_default();
        let latest = dates.last().map_or(time, |(_, latest)| time.max(*latest));
        dates.push((generation, latest));
        self.places.insert(commit, Place { parents: parents.to_vec(), generation, chain });
    }

    /// Takes back the commit that was added last, which is by `author`.
    pub(crate) fn remove_last(&mut self, commit: &CommitId, author: &A) {
        let Some(place) = self.places.remove(commit) else { return };
        if self.chains[place.chain].first == *commit {
            self.chains.pop();
        } else if let [parent] = *place.parents.as_slice() {
            let chain = &mut self.chains[place.chain];
            chain.last = parent;
            chain.dates.get_mut(author).map(Vec::pop);
        }
    }

    /// The latest date of a commit by `account` among `commit` and its ancestors.
    pub(crate) fn latest_date(&self, commit: &CommitId, account: &A) -> Option<i64> {
        let place = self.places.get(commit)?;
        let chain = &self.chains[place.chain];
        let on_chain = chain.dates.get(account).and_then(|dates| {
            let up_to_here = dates.partition_point(|(generation, _)| *generation <= place.generation);
            dates[..up_to_here].last().map(|(_, latest)| *latest)
        });
        on_chain.max(chain.dates_before.get(account).copied())
    }

    /// The latest dates of everybody among these commits and their ancestors.
    fn dates_of_all(&self, commits: &[CommitId]) -> OrdMap<A, i64> {
        let all = |commit: &CommitId| {
            let chain = &self.chains[self.places[commit].chain];
            let mut dates = chain.dates_before.clone();
            for account in chain.dates.keys() {
                if let Some(latest) = self.latest_date(commit, account) {
                    dates.insert(*account, latest);
                }
            }
            dates
        };
        let later_of = |one: OrdMap<A, i64>, other: OrdMap<A, i64>| {
            let mut later = one.clone();
            for difference in one.diff(&other) {
                match difference {
                    DiffItem::Add(account, date) => drop(later.insert(*account, *date)),
                    DiffItem::Update { old: (account, date), new: (_, other) } => {
                        later.insert(*account, *date.max(other));
                    }
                    DiffItem::Remove(..) => {}
                }
            }
            later
        };
        commits.iter().map(all).reduce(later_of).unwrap_or_default()
    }

    /// The parents of a commit; none of one that is not known.
    pub(crate) fn parents(&self, commit: &CommitId) -> &[CommitId] {
        self.places.get(commit).map_or(&[], |place| &place.parents)
    }

    /// Length of the longest way to the first commit; 0 for that one.
    pub(crate) fn generation(&self, commit: &CommitId) -> u64 {
        self.places.get(commit).map_or(0, |place| place.generation)
    }

    /// Whether `ancestor` is a strict ancestor of `commit`. Nobody is one of, or has one, that is not known.
    pub(crate) fn is_ancestor(&self, ancestor: &CommitId, commit: &CommitId) -> bool {
        let (Some(target), Some(start)) = (self.places.get(ancestor), self.places.get(commit)) else { return false };
        if target.generation >= start.generation {
            return false;
        }
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(place) = open.pop() {
            if place.chain == target.chain {
                if place.generation >= target.generation {
                    return true;
                }
                continue;
            }
            if seen.insert(place.chain) {
                let first = &self.places[&self.chains[place.chain].first];
                let parents = first.parents.iter().map(|parent| &self.places[parent]);
                open.extend(parents.filter(|parent| parent.generation >= target.generation));
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parv_model::Uri;

    fn id(number: usize) -> CommitId {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        CommitId::from_bytes(bytes)
    }

    /// A graph of `size` commits, each with one or two parents chosen by a simple generator.
    fn random(size: usize, mut seed: u64) -> Vec<Vec<usize>> {
        let mut next = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % n
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

    #[test]
    fn agrees_with_a_plain_search_also_after_taking_back() {
        for seed in 0..20 {
            let graph = random(60, seed);
            let mut ancestry = Ancestry::default();
            let author = |i: usize| Uri::from_bytes([(i % 3) as u8; 32]);
            let time = |i: usize| (i * 7919 % 101) as i64;
            let add = |ancestry: &mut Ancestry<Uri>, i: usize| {
                let parents: Vec<CommitId> = graph[i].iter().map(|&parent| id(parent)).collect();
                ancestry.add(id(i), &parents, author(i), time(i));
            };
            (0..60).for_each(|i| add(&mut ancestry, i));
            (30..60).rev().for_each(|i| ancestry.remove_last(&id(i), &author(i)));
            (30..60).for_each(|i| add(&mut ancestry, i));
            let mut above: Vec<BTreeSet<usize>> = Vec::new();
            for parents in &graph {
                let all = parents.iter().flat_map(|&parent| above[parent].iter().copied().chain([parent])).collect();
                above.push(all);
            }
            for (i, ancestors) in above.iter().enumerate() {
                for j in 0..60 {
                    assert_eq!(ancestry.is_ancestor(&id(j), &id(i)), ancestors.contains(&j), "{seed}: {j} of {i}");
                }
                for who in 0..3 {
                    let own = ancestors.iter().copied().chain([i]).filter(|j| j % 3 == who);
                    assert_eq!(ancestry.latest_date(&id(i), &author(who)), own.map(time).max(), "{seed}: {who} at {i}");
                }
            }
        }
    }

    #[test]
    fn a_line_is_one_chain() {
        let mut ancestry = Ancestry::default();
        let author = Uri::from_bytes([1; 32]);
        ancestry.add(id(0), &[], author, 0);
        (1..1000).for_each(|i| ancestry.add(id(i), &[id(i - 1)], author, 0));
        assert_eq!(ancestry.chains.len(), 1);
        assert!(ancestry.is_ancestor(&id(0), &id(999)) && !ancestry.is_ancestor(&id(999), &id(0)));
        assert!(!ancestry.is_ancestor(&id(5), &id(5)) && !ancestry.is_ancestor(&id(5000), &id(5)));
    }
}
