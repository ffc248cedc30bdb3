//! Walks over history: which commits are new, in which order, and whether one belongs to the conversation.
//!
//! Nothing here recurses, and nothing depends on a commit's date but how long a search takes, except where it says so.

use crate::error::StoreError;
use crate::objects::{CommitLinks, Objects};
use gix::ObjectId;
use gix::hash::oid;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// A commit in a list, with what it refers to.
pub(crate) type Entry = (ObjectId, CommitLinks);

/// How many known commits [`between`] looks at after it seems to have met all it needs, so that dates that are a bit off
/// do not matter. Stock git looks at five.
const SLACK_COMMITS: usize = 16;

/// The commits that the tips reach and the hidden ones do not, parents before children; of two that have no order, the
/// one with the earlier date first.
///
/// The search goes from the newest dates to the oldest on both sides and stops when it has met the known part, so its cost
/// is that of what is between them, not of all history. Dates are claims: long runs of commits with lying dates can make
/// it list commits that the hidden ones do reach. It never leaves one out.
pub(crate) fn between(
    objects: &impl Objects,
    tips: &[ObjectId],
    hidden: &[ObjectId],
) -> Result<Vec<Entry>, StoreError> {
    if tips.iter().all(|tip| hidden.contains(tip)) {
        return Ok(Vec::new());
    }
    let mut search = Search { objects, buffer: Vec::new(), nodes: HashMap::new(), queue: BinaryHeap::new(), wanted: 0 };
    for id in hidden {
        search.enter(*id, true)?;
    }
    for id in tips {
        search.enter(*id, false)?;
    }
    let mut slack = SLACK_COMMITS;
    while let Some((_, id)) = search.queue.pop() {
        let Some(node) = search.nodes.get_mut(&id) else {
            continue;
        };
        node.queued = false;
        let (hidden, parents) = (node.hidden, node.links.parents.clone());
        if !hidden {
            search.wanted -= 1;
            slack = SLACK_COMMITS;
        } else if search.wanted == 0 {
            if slack == 0 {
                break;
            }
            slack -= 1;
        }
        for parent in parents {
            search.enter(parent, hidden)?;
        }
    }
    let new = search.nodes.into_iter().filter(|(_, node)| !node.hidden).map(|(id, node)| (id, node.links)).collect();
    Ok(parents_first(new))
}

struct Node {
    links: CommitLinks,
    hidden: bool,
    queued: bool,
}

struct Search<'a, O> {
    objects: &'a O,
    buffer: Vec<u8>,
    nodes: HashMap<ObjectId, Node>,
    /// The newest first.
    queue: BinaryHeap<(i64, ObjectId)>,
    /// How many in the queue are not hidden.
    wanted: usize,
}

impl<O: Objects> Search<'_, O> {
    /// Meets a commit. When one that was taken for new turns out to be hidden, so do its ancestors that were met.
    fn enter(&mut self, id: ObjectId, hidden: bool) -> Result<(), StoreError> {
        let Some(node) = self.nodes.get(&id) else {
            let links = self.objects.links(&id, &mut self.buffer)?;
            self.queue.push((links.time, id));
            self.wanted += usize::from(!hidden);
            self.nodes.insert(id, Node { links, hidden, queued: true });
            return Ok(());
        };
        if !hidden || node.hidden {
            return Ok(());
        }
        let mut found = vec![id];
        while let Some(id) = found.pop() {
            let Some(node) = self.nodes.get_mut(&id).filter(|node| !node.hidden) else {
                continue;
            };
            node.hidden = true;
            if node.queued {
                self.wanted -= 1;
            }
            found.extend_from_slice(&node.links.parents);
        }
        Ok(())
    }
}

/// Puts commits in an order in which parents come before children; among those that are free to come, the one with the
/// earliest date, then the smallest id. Parents that are not among them do not matter.
pub(crate) fn parents_first(mut commits: HashMap<ObjectId, CommitLinks>) -> Vec<Entry> {
    let mut waiting: HashMap<ObjectId, usize> = HashMap::with_capacity(commits.len());
    let mut children: HashMap<ObjectId, Vec<ObjectId>> = HashMap::with_capacity(commits.len());
    let mut ready = BinaryHeap::new();
    for (id, links) in &commits {
        let parents: HashSet<_> = links.parents.iter().filter(|parent| commits.contains_key(*parent)).collect();
        if parents.is_empty() {
            ready.push(Reverse((links.time, *id)));
        }
        waiting.insert(*id, parents.len());
        for parent in parents {
            children.entry(*parent).or_default().push(*id);
        }
    }
    let mut order = Vec::with_capacity(commits.len());
    while let Some(Reverse((_, id))) = ready.pop() {
        for child in children.remove(&id).unwrap_or_default() {
            let left = waiting.entry(child).and_modify(|left| *left -= 1).or_default();
            if *left == 0 {
                ready.push(Reverse((commits[&child].time, child)));
            }
        }
        order.extend(commits.remove_entry(&id));
    }
    order
}

/// What can be reached from some heads, looked up as far as it is asked for.
pub(crate) struct Reachable<'a, O> {
    objects: &'a O,
    buffer: Vec<u8>,
    met: HashSet<ObjectId>,
    queue: BinaryHeap<(i64, ObjectId)>,
}

impl<'a, O: Objects> Reachable<'a, O> {
    pub fn from(objects: &'a O, heads: &[ObjectId]) -> Result<Self, StoreError> {
        let mut this = Self { objects, buffer: Vec::new(), met: HashSet::new(), queue: BinaryHeap::new() };
        heads.iter().try_for_each(|head| this.meet(*head))?;
        Ok(this)
    }

    /// Whether the commit can be reached. The answer is exact; a no costs a walk over all of history, so ask about objects
    /// that exist.
    pub fn contains(&mut self, id: &oid) -> Result<bool, StoreError> {
        while !self.met.contains(id) {
            if self.next()?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next commit, the newest first.
    pub fn next(&mut self) -> Result<Option<ObjectId>, StoreError> {
        let Some((_, id)) = self.queue.pop() else {
            return Ok(None);
        };
        for parent in self.objects.links(&id, &mut self.buffer)?.parents {
            self.meet(parent)?;
        }
        Ok(Some(id))
    }

    fn meet(&mut self, id: ObjectId) -> Result<(), StoreError> {
        if self.met.insert(id) {
            let time = self.objects.links(&id, &mut self.buffer)?.time;
            self.queue.push((time, id));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gix::objs::Kind;

    /// A history of numbered commits with parents and dates.
    #[derive(Default)]
    struct History(HashMap<ObjectId, Vec<u8>>);

    fn id(number: u32) -> ObjectId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ObjectId::Sha1(bytes)
    }

    fn ids(numbers: &[u32]) -> Vec<ObjectId> {
        numbers.iter().copied().map(id).collect()
    }

    impl History {
        fn add(&mut self, number: u32, parents: &[u32], time: i64) {
            let parents: String = parents.iter().map(|&parent| format!("parent {}\n", id(parent))).collect();
            let text = format!("tree {}\n{parents}author a <b> {time} +0000\ncommitter a <b> {time} +0000\n\nx", id(0));
            self.0.insert(id(number), text.into_bytes());
        }
    }

    impl Objects for History {
        fn read<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> Result<Option<(Kind, &'a [u8])>, StoreError> {
            let Some(bytes) = self.0.get(id) else { return Ok(None) };
            buffer.clone_from(bytes);
            Ok(Some((Kind::Commit, buffer)))
        }

        fn header(&self, id: &oid) -> Result<Option<(Kind, u64)>, StoreError> {
            Ok(self.0.get(id).map(|bytes| (Kind::Commit, bytes.len() as u64)))
        }
    }

    fn between(history: &History, tips: &[u32], hidden: &[u32]) -> Vec<ObjectId> {
        let list = super::between(history, &ids(tips), &ids(hidden)).unwrap();
        list.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn what_is_between_comes_parents_first() {
        let mut history = History::default();
        // 1 - 2 - 3 - 6
        //       \ 4 - 5 /
        for (number, parents) in [(1, &[][..]), (2, &[1]), (3, &[2]), (4, &[2]), (5, &[4]), (6, &[3, 5])] {
            history.add(number, parents, i64::from(number));
        }
        let between = |tips: &[u32], hidden: &[u32]| between(&history, tips, hidden);
        assert_eq!(between(&[6], &[]), ids(&[1, 2, 3, 4, 5, 6]));
        assert_eq!(between(&[6], &[3]), ids(&[4, 5, 6]));
        assert_eq!(between(&[3, 5], &[2]), ids(&[3, 4, 5]));
        assert!(between(&[2], &[6]).is_empty());
        assert!(between(&[6], &[6, 3]).is_empty());
    }

    #[test]
    fn lying_dates_do_not_bring_back_the_known_part() {
        let mut history = History::default();
        history.add(0, &[], 0);
        for number in 1..1000 {
            history.add(number, &[number - 1], i64::from(number));
        }
        // A child that says it is from 1970 hides what is older than it but says it is newer.
        history.add(1000, &[999], 0);
        history.add(1001, &[999], 5000);
        assert_eq!(between(&history, &[1001], &[1000]), ids(&[1001]));
        // So does one from the far future.
        history.add(1002, &[500], i64::MAX);
        assert_eq!(between(&history, &[1002], &[1000]), ids(&[1002]));
    }

    #[test]
    fn a_hundred_thousand_commits_need_no_deep_stack() {
        let mut history = History::default();
        history.add(0, &[], 0);
        for number in 1..100_000 {
            history.add(number, &[number - 1], i64::from(number));
        }
        let all = between(&history, &[99_999], &[]);
        assert_eq!(all, (0..100_000).map(id).collect::<Vec<_>>());
        let mut reachable = Reachable::from(&history, &ids(&[50_000])).unwrap();
        assert!(reachable.contains(&id(1)).unwrap());
        assert!(!reachable.contains(&id(50_001)).unwrap());
    }

    #[test]
    fn a_hole_in_history_is_an_error() {
        let mut history = History::default();
        history.add(2, &[1], 2);
        assert!(matches!(super::between(&history, &ids(&[2]), &[]), Err(StoreError::Missing { .. })));
    }
}
