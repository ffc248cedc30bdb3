//! What we publish in the distributed table, and which of it is to be published next.
//!
//! It is published when it is new, when a peer joins a routing table so small that its neighbourhood is still
//! forming, and again before the records expire. Only a few publications run at a time.

use crate::limits::MAX_PUBLICATIONS;
use crate::topic::Key;
use libp2p::kad::QueryId;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// One thing that we publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Publication {
    /// That we provide a key.
    Provider(Key),
    /// The letter that lies under a key.
    Letter(Key),
}

/// All that we publish.
#[derive(Default)]
pub(crate) struct Publications {
    all: BTreeSet<Publication>,
    queue: VecDeque<Publication>,
    queued: HashSet<Publication>,
    running: HashMap<QueryId, Publication>,
}

impl Publications {
    /// Publishes one thing more, or one thing anew.
    pub(crate) fn add(&mut self, one: Publication) {
        self.all.insert(one);
        self.enqueue(one);
    }

    /// Publishes it no more.
    pub(crate) fn remove(&mut self, one: &Publication) {
        self.all.remove(one);
    }

    /// Whether it is published.
    pub(crate) fn contains(&self, one: &Publication) -> bool {
        self.all.contains(one)
    }

    /// How much is published.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Publishes all of it again.
    pub(crate) fn renew(&mut self) {
        for one in self.all.clone() {
            self.enqueue(one);
        }
    }

    /// What to publish next, if something is due and not too much is running.
    pub(crate) fn next(&mut self) -> Option<Publication> {
        while self.running.len() < MAX_PUBLICATIONS {
            let one = self.queue.pop_front()?;
            self.queued.remove(&one);
            if self.all.contains(&one) {
                return Some(one);
            }
        }
        None
    }

    /// Something is being published under this id.
    pub(crate) fn started(&mut self, query: QueryId, one: Publication) {
        self.running.insert(query, one);
    }

    /// The publication with this id is over. Says what was published.
    pub(crate) fn finished(&mut self, query: &QueryId) -> Option<Publication> {
        self.running.remove(query)
    }

    fn enqueue(&mut self, one: Publication) {
        if self.queued.insert(one) {
            self.queue.push_back(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parv_model::Uri;

    #[test]
    fn each_thing_is_published_once_and_again_on_renewal() {
        let key = Key::of_account(&Uri::from_bytes([1; 32]));
        let (first, second) = (Publication::Provider(key), Publication::Letter(key));
        let mut publications = Publications::default();
        publications.add(first);
        publications.add(first);
        publications.add(second);
        assert_eq!(publications.next(), Some(first));
        publications.remove(&second);
        assert_eq!(publications.next(), None);
        publications.renew();
        assert_eq!(publications.next(), Some(first));
        assert_eq!(publications.next(), None);
        assert!(publications.contains(&first) && !publications.contains(&second));
        assert_eq!(publications.len(), 1);
    }
}
