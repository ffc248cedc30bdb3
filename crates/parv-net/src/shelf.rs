//! Room for what is kept for others, shared fairly.
//!
//! Whoever floods a node with records needs addresses to do it from, and these are dearer than keys. So when the room is
//! full, the network that uses most of it gives way, its oldest record first, to whoever uses less; nobody else loses
//! anything. How many records one owner may have is limited too.

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How often expired records are looked for at most: that goes through all of them.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// From which network something came: the first 24 bits of an IPv4 address, 48 of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    V4([u8; 3]),
    V6([u8; 6]),
    /// Through a relay, or in a way of which nothing is known.
    Elsewhere,
}

impl Origin {
    /// As bytes: none, three or six.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::V4(bytes) => bytes.to_vec(),
            Self::V6(bytes) => bytes.to_vec(),
            Self::Elsewhere => Vec::new(),
        }
    }

    /// From these bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let v4 = bytes.try_into().map(Self::V4).ok();
        v4.or_else(|| bytes.try_into().map(Self::V6).ok()).unwrap_or(Self::Elsewhere)
    }

    /// That of a connection from this address.
    pub(crate) fn of(address: &Multiaddr) -> Self {
        match address.iter().next() {
            Some(Protocol::Ip4(ip)) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            Some(Protocol::Ip6(ip)) => {
                let [a, b, c, d, e, f, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f])
            }
            _ => Self::Elsewhere,
        }
    }
}

/// On whose account something is kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) owner: PeerId,
    pub(crate) origin: Origin,
    pub(crate) bytes: usize,
    pub(crate) expires: Instant,
}

/// Why something is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRoom {
    #[error("its owner has as many records here as allowed")]
    OwnerHasEnough,
    #[error("the room is full, and nobody uses more of it than where this comes from")]
    Full,
}

/// Records of others.
pub(crate) struct Shelf<K, V> {
    items: HashMap<K, Item<V>>,
    bytes: usize,
    max_bytes: usize,
    max_of_one: usize,
    owners: HashMap<PeerId, usize>,
    origins: HashMap<Origin, usize>,
    /// The number of the next record.
    next: u64,
    /// When expired records were looked for last.
    swept: Option<Instant>,
}

struct Item<V> {
    value: V,
    claim: Claim,
    number: u64,
}

impl<K: Clone + Eq + Hash, V> Shelf<K, V> {
    /// Room for so many bytes, and for so many records of one owner.
    pub(crate) fn new(max_bytes: usize, max_of_one: usize) -> Self {
        let (items, owners, origins) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { items, bytes: 0, max_bytes, max_of_one, owners, origins, next: 0, swept: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.items.get(key).map(|item| &item.value)
    }

    /// Everything, with whose it is.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V, &Claim)> {
        self.items.iter().map(|(key, item)| (key, &item.value, &item.claim))
    }

    pub(crate) fn origin(&self, key: &K) -> Option<Origin> {
        self.items.get(key).map(|item| item.claim.origin)
    }

    /// Keeps something, in the place of what has the same key. Gives the keys of what had to go for it.
    pub(crate) fn put(&mut self, key: K, value: V, claim: Claim, now: Instant) -> Result<Vec<K>, NoRoom> {
        let replaced = self.items.get(&key).map(|item| item.claim);
        let same_owner = replaced.is_some_and(|old| old.owner == claim.owner);
        if !same_owner && self.owners.get(&claim.owner).is_some_and(|count| *count >= self.max_of_one) {
            return Err(NoRoom::OwnerHasEnough);
        }
        let surplus = |shelf: &Self| {
            (shelf.bytes + claim.bytes).saturating_sub(replaced.map_or(0, |old| old.bytes) + shelf.max_bytes)
        };
        let mut gone = Vec::new();
        if surplus(self) > 0 && self.swept.is_none_or(|swept| swept + SWEEP_EVERY <= now) {
            self.swept = Some(now);
            gone = self.drop_where(|kept, item| *kept != key && item.claim.expires <= now);
        }
        if surplus(self) > 0 {
            let needed = surplus(self);
            gone.extend(self.make_room(needed, &key, &claim)?);
        }
        self.remove(&key);
        *self.owners.entry(claim.owner).or_default() += 1;
        *self.origins.entry(claim.origin).or_default() += claim.bytes;
        self.bytes += claim.bytes;
        let number = self.next;
        self.next += 1;
        self.items.insert(key, Item { value, claim, number });
        Ok(gone)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let Item { value, claim, .. } = self.items.remove(key)?;
        self.bytes -= claim.bytes;
        take(&mut self.owners, &claim.owner, 1);
        take(&mut self.origins, &claim.origin, claim.bytes);
        Some(value)
    }

    /// Takes so many bytes from the network that has most, if the claim's network would have less than that even then.
    fn make_room(&mut self, needed: usize, key: &K, claim: &Claim) -> Result<Vec<K>, NoRoom> {
        let (giver, has) = self
            .origins
            .iter()
            .map(|(origin, bytes)| (*origin, *bytes))
            .max_by_key(|&(o, b)| (b, o))
            .ok_or(NoRoom::Full)?;
        let newcomer_has = self.origins.get(&claim.origin).copied().unwrap_or_default() + claim.bytes;
        if giver == claim.origin || has < newcomer_has + needed {
            return Err(NoRoom::Full);
        }
        let mut gone = Vec::new();
        let mut freed = 0;
        while freed < needed {
            let given = self.items.iter().filter(|(kept, item)| item.claim.origin == giver && *kept != key);
            let oldest = given.min_by_key(|(_, item)| item.number).map(|(kept, item)| (kept.clone(), item.claim.bytes));
            let (kept, bytes) = oldest.ok_or(NoRoom::Full)?;
            freed += bytes;
            self.remove(&kept);
            gone.push(kept);
        }
        Ok(gone)
    }

    fn drop_where(&mut self, unwanted: impl Fn(&K, &Item<V>) -> bool) -> Vec<K> {
        let gone = self.items.iter().filter(|(key, item)| unwanted(key, item)).map(|(key, _)| key.clone());
        let gone: Vec<K> = gone.collect();
        gone.iter().for_each(|key| drop(self.remove(key)));
        gone
    }
}

/// Takes from a count, and forgets one that has come to nothing.
fn take<K: Eq + Hash>(counts: &mut HashMap<K, usize>, of: &K, amount: usize) {
    if let Some(count) = counts.get_mut(of) {
        *count -= amount;
        if *count == 0 {
            counts.remove(of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(owner: PeerId, network: u8, bytes: usize, lives: u64) -> Claim {
        Claim { owner, origin: Origin::V4([network; 3]), bytes, expires: Instant::now() + Duration::from_secs(lives) }
    }

    #[test]
    fn networks_are_told_apart_by_their_addresses() {
        let origin = |text: &str| Origin::of(&text.parse().unwrap());
        assert_eq!(origin("/ip4/192.0.2.1/tcp/1"), origin("/ip4/192.0.2.77/udp/9/quic-v1"));
        assert_ne!(origin("/ip4/192.0.2.1/tcp/1"), origin("/ip4/192.0.3.1/tcp/1"));
        assert_eq!(origin("/ip6/2001:db8:1:2::1/tcp/1"), origin("/ip6/2001:db8:1:9::5/tcp/1"));
        assert_ne!(origin("/ip6/2001:db8:1::1/tcp/1"), origin("/ip6/2001:db8:2::1/tcp/1"));
        assert_eq!(origin(&format!("/p2p/{}/p2p-circuit", PeerId::random())), Origin::Elsewhere);
    }

    #[test]
    fn a_flood_from_one_network_costs_nobody_elses_records() {
        let mut shelf = Shelf::new(1000, 1000);
        let now = Instant::now();
        for key in 0..3 {
            shelf.put(key, "honest", claim(PeerId::random(), 1, 100, 9), now).unwrap();
        }
        let flood =
            (10..10_000).filter(|key| shelf.put(*key, "flood", claim(PeerId::random(), 2, 100, 9), now).is_ok());
        assert_eq!(flood.count(), 7);
        assert_eq!((shelf.len(), shelf.bytes), (10, 1000));
        // Who comes later is kept, and the flood gives way, the oldest first.
        assert_eq!(shelf.put(3, "honest", claim(PeerId::random(), 3, 150, 9), now).unwrap(), [10, 11]);
        assert!((0..4).all(|key| shelf.get(&key) == Some(&"honest")));
        assert!(shelf.bytes <= 1000);
        // A network that has as much itself gets nobody else's room.
        assert_eq!(shelf.put(4, "greedy", claim(PeerId::random(), 4, 600, 9), now), Err(NoRoom::Full));
        assert_eq!(shelf.put(5, "huge", claim(PeerId::random(), 4, 2000, 9), now), Err(NoRoom::Full));
    }

    #[test]
    fn one_owner_has_a_few_records_and_replaces_them_freely() {
        let mut shelf = Shelf::new(1000, 2);
        let (owner, now) = (PeerId::random(), Instant::now());
        for (key, bytes) in [(1, 10), (2, 10), (2, 900), (1, 20)] {
            assert_eq!(shelf.put(key, bytes, claim(owner, 1, bytes, 9), now), Ok(vec![]));
        }
        assert_eq!(shelf.put(3, 1, claim(owner, 1, 1, 9), now), Err(NoRoom::OwnerHasEnough));
        assert_eq!((shelf.remove(&1), shelf.bytes), (Some(20), 900));
        assert!(shelf.put(3, 1, claim(owner, 1, 1, 9), now).is_ok());
        assert_eq!((shelf.owners.len(), shelf.origins.len()), (1, 1));
        assert!(shelf.remove(&2).is_some() && shelf.remove(&3).is_some() && shelf.remove(&3).is_none());
        assert_eq!((shelf.owners.len(), shelf.origins.len(), shelf.bytes), (0, 0, 0));
    }

    #[test]
    fn what_has_expired_makes_room_first() {
        let mut shelf = Shelf::new(100, 9);
        let now = Instant::now();
        shelf.put(1, (), claim(PeerId::random(), 1, 60, 1), now).unwrap();
        shelf.put(2, (), claim(PeerId::random(), 2, 40, 9), now).unwrap();
        assert_eq!(shelf.put(3, (), claim(PeerId::random(), 2, 60, 9), now), Err(NoRoom::Full));
        let later = now + Duration::from_secs(2);
        assert_eq!(shelf.put(3, (), claim(PeerId::random(), 2, 60, 9), later), Ok(vec![1]));
    }
}
