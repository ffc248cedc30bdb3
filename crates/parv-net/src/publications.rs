//! Which keys we provide, and which of them are to be published next.
//!
//! A key is published when it is new, when a peer joins a routing table so small that its neighbourhood is still
//! forming, and again before the records expire. Only a few publications run at a time.

use crate::limits::MAX_PUBLICATIONS;
use crate::topic::Key;
use libp2p::kad::QueryId;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// The keys we provide.
#[derive(Default)]
pub(crate) struct Publications {
    keys: BTreeSet<Key>,
    queue: VecDeque<Key>,
    queued: HashSet<Key>,
    running: HashMap<QueryId, Key>,
}

impl Publications {
    /// Provides one more key.
    pub(crate) fn add(&mut self, key: Key) {
        self.keys.insert(key);
        self.enqueue(key);
    }

    /// Provides it no more.
    pub(crate) fn remove(&mut self, key: &Key) {
        self.keys.remove(key);
    }

    /// Whether it is provided.
    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }

    /// How many are provided.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Publishes all of them again.
    pub(crate) fn renew(&mut self) {
        for key in self.keys.clone() {
            self.enqueue(key);
        }
    }

    /// The next key to publish, if one is due and not too many are running.
    pub(crate) fn next(&mut self) -> Option<Key> {
        while self.running.len() < MAX_PUBLICATIONS {
            let key = self.queue.pop_front()?;
            self.queued.remove(&key);
            if self.keys.contains(&key) {
                return Some(key);
            }
        }
        None
    }

    /// The publication of `key` runs under this id.
    pub(crate) fn started(&mut self, query: QueryId, key: Key) {
        self.running.insert(query, key);
    }

    /// The publication with this id is over.
    pub(crate) fn finished(&mut self, query: &QueryId) {
        self.running.remove(query);
    }

    fn enqueue(&mut self, key: Key) {
        if self.queued.insert(key) {
            self.queue.push_back(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parv_model::Uri;

    fn key(number: u8) -> Key {
        Key::of_account(&Uri::from_bytes([number; 32]))
    }

    #[test]
    fn each_key_is_published_once_and_again_on_renewal() {
        let mut publications = Publications::default();
        publications.add(key(1));
        publications.add(key(1));
        publications.add(key(2));
        assert_eq!(publications.next(), Some(key(1)));
        publications.remove(&key(2));
        assert_eq!(publications.next(), None);
        publications.renew();
        assert_eq!(publications.next(), Some(key(1)));
        assert_eq!(publications.next(), None);
        assert!(publications.contains(&key(1)) && !publications.contains(&key(2)));
        assert_eq!(publications.len(), 1);
    }
}
